"""Slack, PagerDuty, e-mail and a webhook of alerts/receivers.yml: what each gets from a running Alertmanager."""

import contextlib
import http.server
import json
import pathlib
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import yaml

from lab import fast_yaml
from lab.loopback import Loopback
from lab.monitoring.bundle import ALERTS, at_once
from lab.monitoring.servers import Alertmanager
from tests.integration.mailbox import Mailbox

pytestmark = pytest.mark.timeout(60)

VERSIONS = [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("alertmanager", "alertmanager-0.25")]
HOSTILE = "<!channel> <b>bold</b> {{ .x }} {{{a\nNext:\nrm -rf /\u202e"
DESCRIPTION = """\
The controller has created no Job for this run.
Runbook: runbooks/CodeRunJobCreationStalled.md in the rules bundle
Next:
kubectl -n agents describe coderun play-1
kubectl get pods | grep -F 'a & b' > /dev/null"""
SUMMARY = "CodeRun agents/play-1 in cluster prod has had no Job for 15m 30s: configmap_missing (agents/claude)"


class Requests(Loopback):
    """Keeps the JSON that is posted to each path."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Any]] = []
        self.news = threading.Condition()
        super().__init__(self._handler())

    def first(self, path: str, *, seconds: float = 20.0) -> Any:
        """The first body for a path, waited for if need be."""

        def found() -> list[Any]:
            return [body for there, body in self.taken if there == path]

        with self.news:
            assert self.news.wait_for(found, timeout=seconds), f"nothing for {path}: {self.taken}"
            return found()[0]

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer.news:
                    outer.taken.append((self.path, body))
                    outer.news.notify_all()
                answer = b"ok"
                self.send_response(202 if self.path == "/pagerduty" else 200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        return Handler


class Everything(NamedTuple):
    """Alertmanager and all that it delivers to."""

    alertmanager: Alertmanager
    requests: Requests
    mailbox: Mailbox


class _Configured(Alertmanager):
    """With a configuration of the test, of the version of that name."""

    def __init__(self, name: str, folder: pathlib.Path, config: dict[str, Any]) -> None:
        super().__init__(folder, receiver="")
        self._name = name
        self._config = config

    def _flags(self) -> list[str]:
        (self.folder / "config.yml").write_text(yaml.safe_dump(self._config))
        return ["--storage.path=data", "--cluster.listen-address="]


@pytest.fixture(params=VERSIONS)
def everything(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[Everything]:
    """receivers.yml as it is shipped, with addresses of this machine, without secrets, and without waits."""
    with contextlib.ExitStack() as stack:
        requests, mailbox = stack.enter_context(Requests()), stack.enter_context(Mailbox())
        config = here(f"http://{requests.address}", mail=mailbox.address)
        alertmanager = stack.enter_context(_Configured(request.param, tmp_path / "alertmanager", config))
        yield Everything(alertmanager, requests, mailbox)


def here(url: str, *, mail: str) -> dict[str, Any]:
    """The shipped file for stand-ins on loopback."""
    config = at_once(fast_yaml.load((ALERTS / "receivers.yml").read_text()))
    config["route"]["routes"][-1]["group_wait"] = "1s"  # alerts that arrive together come in one message
    for route in config["route"]["routes"][-1]["routes"]:
        route["group_wait"] = "1s"
    config["templates"] = [str(ALERTS / name) for name in config["templates"]]
    config["global"] = {"smtp_smarthost": mail, "smtp_from": "a@example.com", "smtp_require_tls": False}
    for receiver in config["receivers"]:
        for each in receiver.get("pagerduty_configs", []):
            del each["routing_key_file"]
            each |= {"routing_key": "key", "url": f"{url}/pagerduty"}
        for each in receiver.get("slack_configs", []):
            del each["api_url_file"]
            each["api_url"] = f"{url}/slack"
        for each in receiver.get("webhook_configs", []):
            each["url"] = f"{url}/{receiver['name']}"
    return config


def alert(name: str = "play-1", *, summary: str = SUMMARY, **labels: str) -> dict[str, Any]:
    """A stalled run, as its rule writes it."""
    own = {"alertname": "CodeRunJobCreationStalled", "component": "coderun-exporter", "severity": "critical"}
    own |= {"namespace": "agents", "coderun": name, "cluster": "prod"} | labels
    return {"labels": own, "annotations": {"summary": summary, "description": DESCRIPTION}}


def test_pagerduty_and_the_mail_have_the_cause_first_and_the_commands_line_by_line(everything: Everything):
    """The whole incident, and the whole message: as plain text, so that a command can be copied."""
    everything.alertmanager.tell(alert(), alert("play-2"))
    incident = everything.requests.first("/pagerduty")["payload"]
    title = f"CRITICAL: {SUMMARY} (and 1 more)"
    assert (incident["summary"], incident["severity"]) == (title, "critical")
    assert (incident["class"], incident["group"]) == ("CodeRunJobCreationStalled", "agents")
    text = incident["custom_details"]["firing"]
    assert text == f"* {SUMMARY}\n* {SUMMARY}\n\nThe first:\n\n{DESCRIPTION}\n"
    mail = everything.mailbox.first()
    assert mail["subject"] == title
    assert [part.get_content_type() for part in mail.walk() if not part.is_multipart()] == ["text/plain"]
    [body] = [part.get_content() for part in mail.walk() if not part.is_multipart()]
    assert body.splitlines() == text.splitlines()


def test_text_from_the_cluster_stays_one_line_and_plain(everything: Everything):
    """In the subject, the title and the lists; no template in it is expanded, and no block of commands is begun."""
    everything.alertmanager.tell(alert(summary=f"CodeRun agents/x: {HOSTILE}"))
    tame = "CRITICAL: CodeRun agents/x: <!channel> <b>bold</b> { { .x }} { { {a Next: rm -rf /"
    assert everything.requests.first("/pagerduty")["payload"]["summary"].strip() == tame
    mail = everything.mailbox.first()
    assert mail["subject"].strip() == tame
    [body] = [part.get_content() for part in mail.walk() if not part.is_multipart()]
    assert body.splitlines()[0].strip() == f"* {tame.removeprefix('CRITICAL: ')}"


def test_the_chat_has_the_page_of_the_bundle_where_no_link_is_set(everything: Everything):
    """And the commands in a block."""
    everything.alertmanager.tell(alert(severity="warning"))
    [message] = everything.requests.first("/slack")["attachments"]
    assert message["title"] == "WARNING: CodeRunJobCreationStalled in agents, cluster prod"
    assert message["text"].splitlines() == [
        f"• {SUMMARY}",
        "Next:",
        "```",
        "kubectl -n agents describe coderun play-1",
        "kubectl get pods | grep -F 'a &amp; b' &gt; /dev/null",
        "```",
        "Runbook: runbooks/CodeRunJobCreationStalled.md in the rules bundle",
    ]


def test_a_webhook_gets_no_more_alerts_than_it_says(everything: Everything):
    """A broken platform is one request of bounded size, which says how many alerts are left out."""
    everything.alertmanager.tell(*(alert(f"run-{number}", severity="info") for number in range(70)))
    body = everything.requests.first("/log")
    assert (len(body["alerts"]), body["truncatedAlerts"]) == (50, 20)


def test_alerts_of_others_are_not_the_bundles(everything: Everything):
    """A critical alert of other software goes to nobody here; the Watchdog goes to its service alone."""
    other = {"labels": {"alertname": "NodeDown", "severity": "critical"}, "annotations": {"summary": "s"}}
    watchdog = {"labels": {"alertname": "Watchdog", "severity": "none"}, "annotations": {}}
    everything.alertmanager.tell(other, watchdog)
    assert everything.requests.first("/heartbeat")["alerts"][0]["labels"]["alertname"] == "Watchdog"
    everything.alertmanager.tell(alert("last"))
    everything.requests.first("/pagerduty")
    assert {path for path, _ in everything.requests.taken} == {"/heartbeat", "/pagerduty"}
    assert "NodeDown" not in str(everything.requests.taken)
