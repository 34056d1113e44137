"""Slack, PagerDuty, e-mail and a webhook of alerts/receivers.yml: the messages of a running Alertmanager."""

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
    """Records the JSON that is posted to each path."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Any]] = []
        self.news = threading.Condition()
        super().__init__(self._handler())

    def first(self, path: str, *, seconds: float = 20.0) -> Any:
        """The first body that is posted to a path. Waits until it arrives."""

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
                """Does not log."""

        return Handler


class Servers(NamedTuple):
    """Alertmanager and its receivers."""

    alertmanager: Alertmanager
    requests: Requests
    mailbox: Mailbox


class _Configured(Alertmanager):
    """An Alertmanager of the given component with a configuration of the test."""

    def __init__(self, name: str, folder: pathlib.Path, config: dict[str, Any]) -> None:
        super().__init__(folder, receiver="")
        self._name = name
        self._config = config

    def _flags(self) -> list[str]:
        (self.folder / "config.yml").write_text(yaml.safe_dump(self._config))
        return ["--storage.path=data", "--cluster.listen-address="]


@pytest.fixture(params=VERSIONS)
def servers(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[Servers]:
    """The shipped receivers.yml with URLs on loopback, without secrets and without waits."""
    with contextlib.ExitStack() as stack:
        requests, mailbox = stack.enter_context(Requests()), stack.enter_context(Mailbox())
        config = config_for_loopback(f"http://{requests.address}", mail=mailbox.address)
        alertmanager = stack.enter_context(_Configured(request.param, tmp_path / "alertmanager", config))
        yield Servers(alertmanager, requests, mailbox)


def config_for_loopback(url: str, *, mail: str) -> dict[str, Any]:
    """The shipped configuration for receivers on loopback."""
    config = at_once(fast_yaml.load((ALERTS / "receivers.yml").read_text()))
    config["route"]["routes"][-1]["group_wait"] = "1s"  # alerts that arrive together are in one notification
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
    """An alert about a run without a Job, with the texts of the rule."""
    own = {"alertname": "CodeRunJobCreationStalled", "component": "coderun-exporter", "severity": "critical"}
    own |= {"namespace": "agents", "coderun": name, "cluster": "prod"} | labels
    return {"labels": own, "annotations": {"summary": summary, "description": DESCRIPTION}}


def test_pagerduty_and_mail_have_the_cause_first_and_then_the_commands(servers: Servers):
    """The complete incident and the complete mail, which are plain text, so that commands can be copied."""
    servers.alertmanager.tell(alert(), alert("play-2"))
    incident = servers.requests.first("/pagerduty")["payload"]
    title = f"CRITICAL: {SUMMARY} (and 1 more)"
    assert (incident["summary"], incident["severity"]) == (title, "critical")
    assert (incident["class"], incident["group"]) == ("CodeRunJobCreationStalled", "agents")
    text = incident["custom_details"]["firing"]
    assert text == f"* {SUMMARY}\n* {SUMMARY}\n\nThe first:\n\n{DESCRIPTION}\n"
    mail = servers.mailbox.first()
    assert mail["subject"] == title
    assert [part.get_content_type() for part in mail.walk() if not part.is_multipart()] == ["text/plain"]
    [body] = [part.get_content() for part in mail.walk() if not part.is_multipart()]
    assert body.splitlines() == text.splitlines()


def test_text_from_the_cluster_is_one_line_of_plain_text(servers: Servers):
    """These are the subject, the title and the lists. No template is expanded, and no commands are added."""
    servers.alertmanager.tell(alert(summary=f"CodeRun agents/x: {HOSTILE}"))
    cleaned = "CRITICAL: CodeRun agents/x: <!channel> <b>bold</b> { { .x }} { { {a Next: rm -rf /"
    assert servers.requests.first("/pagerduty")["payload"]["summary"].strip() == cleaned
    mail = servers.mailbox.first()
    assert mail["subject"].strip() == cleaned
    [body] = [part.get_content() for part in mail.walk() if not part.is_multipart()]
    assert body.splitlines()[0].strip() == f"* {cleaned.removeprefix('CRITICAL: ')}"


def test_a_chat_message_without_a_url_names_the_runbook_of_the_bundle(servers: Servers):
    """The commands are in a code block."""
    servers.alertmanager.tell(alert(severity="warning"))
    [message] = servers.requests.first("/slack")["attachments"]
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


def test_a_webhook_has_a_limited_number_of_alerts(servers: Servers):
    """A broken platform causes one request of limited size, which has the number of omitted alerts."""
    servers.alertmanager.tell(*(alert(f"run-{number}", severity="info") for number in range(70)))
    body = servers.requests.first("/log")
    assert (len(body["alerts"]), body["truncatedAlerts"]) == (50, 20)


def test_other_alerts_are_not_sent_to_these_receivers(servers: Servers):
    """A critical alert of other software is sent to none of them. The Watchdog is sent only to its service."""
    other = {"labels": {"alertname": "NodeDown", "severity": "critical"}, "annotations": {"summary": "s"}}
    watchdog = {"labels": {"alertname": "Watchdog", "severity": "none"}, "annotations": {}}
    servers.alertmanager.tell(other, watchdog)
    assert servers.requests.first("/heartbeat")["alerts"][0]["labels"]["alertname"] == "Watchdog"
    servers.alertmanager.tell(alert("last"))
    servers.requests.first("/pagerduty")
    assert {path for path, _ in servers.requests.taken} == {"/heartbeat", "/pagerduty"}
    assert "NodeDown" not in str(servers.requests.taken)
