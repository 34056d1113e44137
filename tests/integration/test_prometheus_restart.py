"""Prometheus and Alertmanager restart while alerts fire: the same alerts fire again, and nobody gets a message.

The rules' clocks and the resend delay are twenty times faster, all of them, so that their order is the real one:
Alertmanager takes an alert for resolved that Prometheus has not sent for four times its resend delay.
"""

import collections
import contextlib
import pathlib
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import promql_parser
import pytest
import yaml

from lab import fast_yaml
from lab.monitoring.bundle import ALERTS
from lab.monitoring.servers import Alertmanager, Prometheus
from lab.monitoring.webhook import Webhook
from lab.waiting import until
from tests.integration.overdue_metrics import HOUR, OverdueMetrics

pytestmark = [pytest.mark.needs("prometheus"), pytest.mark.timeout(300)]

FASTER = 20
FORGOTTEN = 12.0
"""Seconds after which Alertmanager takes an alert for resolved: four times the resend delay of 3 s."""
AGES = {
    ("AgentJobHanging", "late", "warning"): 2 * HOUR,
    ("AgentJobHanging", "limited", "critical"): 2 * HOUR,
    ("CodeRunJobCreationStalled", "late", "critical"): HOUR,
}
"""What fires about the page's objects, with their severities, and their ages when the page was made."""
ALL = {*AGES, ("RequiredConfigMapUnhealthy", "templates", "critical")}

Key = tuple[str, str, str]


class SlowerPrometheus(Prometheus):
    """With the bundle's waits in proportion, in place of the shortest ones."""

    def _flags(self) -> list[str]:
        flags = super()._flags()
        for file in (ALERTS / "rules").glob("*.yml"):
            tree = fast_yaml.load(file.read_text())
            for group in tree["groups"]:
                for part in (group, *group["rules"]):
                    clocks = {"interval", "for", "keep_firing_for"} & part.keys()
                    part.update({key: scaled(part[key]) for key in clocks})
            (self.folder / file.name).write_text(yaml.safe_dump(tree))
        return flags


def scaled(duration: str) -> str:
    """`1m` is 3000 ms."""
    return f"{promql_parser.parse_duration(duration).total_seconds() * 1000 / FASTER:.0f}ms"


class Firing(NamedTuple):
    """A firing alert: since when, which age it says, and when it was asked. Seconds; Unix times."""

    since: float
    age: float
    at: float


class Running(NamedTuple):
    """All that runs."""

    page: OverdueMetrics
    prometheus: Prometheus
    alertmanager: Alertmanager
    webhook: Webhook


@pytest.fixture
def running(tmp_path: pathlib.Path) -> Iterator[Running]:
    """Once every alert about the page has been delivered, by webhook and to the chat."""
    with contextlib.ExitStack() as stack:
        page, webhook = stack.enter_context(OverdueMetrics()), stack.enter_context(Webhook())
        alertmanager = stack.enter_context(Alertmanager(tmp_path / "alertmanager", receiver=webhook.url))
        prometheus = SlowerPrometheus(
            tmp_path / "prometheus", exporter=page.address, alertmanager=alertmanager.address
        )
        stack.enter_context(prometheus)
        for alertname, _, severity in ALL:
            if severity == "critical":
                webhook.next(alertname, severity=severity)
        until(lambda: [one for one in webhook.messages() if "AgentJobHanging" in one.title], what="the chat has it")
        # Prometheus begins without a target, so that CodeRunExporterAbsent may come, and then goes.
        until(lambda: firing(prometheus).keys() == ALL, what="only these fire", seconds=60)
        until(lambda: not webhook.unresolved("CodeRunExporterAbsent"), what="the others are resolved")
        yield Running(page, prometheus, alertmanager, webhook)


def firing(prometheus: Prometheus) -> dict[Key, Firing]:
    """Every firing alert by its name, object and severity."""
    found = {}
    for alert in prometheus.get("/api/v1/alerts")["data"]["alerts"]:
        if alert["state"] == "firing":
            labels = alert["labels"]
            name = next(
                labels[label] for label in ("coderun", "job_name", "configmap", "alertname") if label in labels
            )
            since = datetime.fromisoformat(alert["activeAt"]).timestamp()
            found[labels["alertname"], name, labels["severity"]] = Firing(since, float(alert["value"]), time.time())
    return found


def deliveries(webhook: Webhook) -> collections.Counter[str]:
    """How often each alert was delivered with each status, and each chat message."""
    alerts = [f"{each.receiver}: {each.status} {each.labels}" for each in webhook.notifications()]
    return collections.Counter(alerts + [f"{each.receiver}: {each.title} {each.text}" for each in webhook.messages()])


def until_sent_after(alertmanager: Alertmanager, moment: float) -> None:
    """Wait until each alert that Alertmanager has was sent to it after that time, and it has all of them."""

    def sent() -> bool:
        alerts = alertmanager.get("/api/v2/alerts")
        times = [datetime.fromisoformat(alert["updatedAt"]).timestamp() for alert in alerts]
        return len(times) >= len(ALL) and min(times) > moment

    until(sent, what="every alert is sent again", seconds=60)


@pytest.mark.needs("alertmanager")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_a_restart_of_prometheus_resolves_nothing_and_pages_nobody_again(running: Running, number: signal.Signals):
    """The same alerts fire with the true ages, and until long after the restart no receiver gets a message."""
    prometheus, alertmanager, webhook = running.prometheus, running.alertmanager, running.webhook
    before, delivered = firing(prometheus), deliveries(webhook)
    assert before.keys() == ALL
    prometheus.end(number)
    ended = time.time()
    prometheus.start()
    after = until(lambda: found if (found := firing(prometheus)).keys() == ALL else {}, what="all fire again")
    until_sent_after(alertmanager, ended + 1.5 * FORGOTTEN)
    assert deliveries(webhook) - delivered == collections.Counter()
    for alert, age in AGES.items():
        assert after[alert].since > ended
        for found in (before[alert], after[alert]):
            assert found.age == pytest.approx(age + found.at - running.page.made, abs=5)


@pytest.mark.needs("alertmanager")
def test_a_restart_of_alertmanager_resolves_nothing_and_pages_nobody_again(running: Running):
    """It remembers what it has delivered; Prometheus sends every alert again."""
    alertmanager, webhook = running.alertmanager, running.webhook
    delivered = deliveries(webhook)
    alertmanager.end(signal.SIGTERM)
    ended = time.time()
    alertmanager.start()
    until_sent_after(alertmanager, ended + 1.5 * FORGOTTEN)
    assert deliveries(webhook) - delivered == collections.Counter()
