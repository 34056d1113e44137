"""Prometheus and Alertmanager restart while alerts fire: the alerts fire again, and no notification is repeated.

All durations of the rules and the resend delay are divided by 20, so that their ratios are the shipped ones.
Alertmanager resolves an alert that Prometheus has not sent for four times its resend delay.
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

SPEEDUP = 20
RESOLVED_AFTER_SECONDS = 12.0
"""Seconds after which Alertmanager resolves an alert that was not sent: four times the resend delay of 3 s."""
EXPECTED_AGES = {
    ("AgentJobHanging", "late", "warning"): 2 * HOUR,
    ("AgentJobHanging", "limited", "critical"): 2 * HOUR,
    ("CodeRunJobCreationStalled", "late", "critical"): HOUR,
}
"""The expected alerts (name, object, severity), with the age of the object in seconds when the server was started."""
EXPECTED_ALERTS = {*EXPECTED_AGES, ("RequiredConfigMapUnhealthy", "templates", "critical")}

AlertKey = tuple[str, str, str]


class ScaledPrometheus(Prometheus):
    """Prometheus with the durations of the shipped rules divided by SPEEDUP. The base class has minimal ones."""

    def _flags(self) -> list[str]:
        flags = super()._flags()
        for file in (ALERTS / "rules").glob("*.yml"):
            tree = fast_yaml.load(file.read_text())
            for group in tree["groups"]:
                for part in (group, *group["rules"]):
                    durations = {"interval", "for", "keep_firing_for"} & part.keys()
                    part.update({key: scale(part[key]) for key in durations})
            (self.folder / file.name).write_text(yaml.safe_dump(tree))
        return flags


def scale(duration: str) -> str:
    """The duration divided by SPEEDUP: `1m` becomes `3000ms`."""
    return f"{promql_parser.parse_duration(duration).total_seconds() * 1000 / SPEEDUP:.0f}ms"


class Firing(NamedTuple):
    """A firing alert: its activeAt (Unix time), its age in seconds, and the time of the query (Unix time)."""

    since: float
    age: float
    at: float


class Running(NamedTuple):
    """The running servers."""

    metrics: OverdueMetrics
    prometheus: Prometheus
    alertmanager: Alertmanager
    webhook: Webhook


@pytest.fixture
def running(tmp_path: pathlib.Path) -> Iterator[Running]:
    """The servers, once all alerts were notified by webhook and in the chat."""
    with contextlib.ExitStack() as stack:
        metrics, webhook = stack.enter_context(OverdueMetrics()), stack.enter_context(Webhook())
        alertmanager = stack.enter_context(Alertmanager(tmp_path / "alertmanager", receiver=webhook.url))
        prometheus = ScaledPrometheus(
            tmp_path / "prometheus", exporter=metrics.address, alertmanager=alertmanager.address
        )
        stack.enter_context(prometheus)
        for alertname, _, severity in EXPECTED_ALERTS:
            if severity == "critical":
                webhook.next(alertname, severity=severity)
        until(
            lambda: [one for one in webhook.messages() if "AgentJobHanging" in one.title],
            what="the chat has the message",
        )
        # CodeRunExporterAbsent may fire at first, because Prometheus starts without a target.
        until(lambda: firing(prometheus).keys() == EXPECTED_ALERTS, what="only these fire", seconds=60)
        until(lambda: not webhook.unresolved("CodeRunExporterAbsent"), what="the others are resolved")
        yield Running(metrics, prometheus, alertmanager, webhook)


def firing(prometheus: Prometheus) -> dict[AlertKey, Firing]:
    """All firing alerts by name, object and severity."""
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


def count_notifications(webhook: Webhook) -> collections.Counter[str]:
    """The number of notifications of each alert with each status, and of each chat message."""
    alerts = [f"{each.receiver}: {each.status} {each.labels}" for each in webhook.notifications()]
    return collections.Counter(alerts + [f"{each.receiver}: {each.title} {each.text}" for each in webhook.messages()])


def until_sent_after(alertmanager: Alertmanager, moment: float) -> None:
    """Waits until Alertmanager has all alerts, and each was sent after this time."""

    def sent() -> bool:
        alerts = alertmanager.get("/api/v2/alerts")
        times = [datetime.fromisoformat(alert["updatedAt"]).timestamp() for alert in alerts]
        return len(times) >= len(EXPECTED_ALERTS) and min(times) > moment

    until(sent, what="all alerts are sent again", seconds=60)


@pytest.mark.needs("alertmanager")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_a_restart_of_prometheus_resolves_no_alert_and_repeats_no_notification(
    running: Running, number: signal.Signals
):
    """The same alerts fire with the right ages. No receiver gets a message until well after the restart."""
    prometheus, alertmanager, webhook = running.prometheus, running.alertmanager, running.webhook
    before, delivered = firing(prometheus), count_notifications(webhook)
    assert before.keys() == EXPECTED_ALERTS
    prometheus.end(number)
    ended = time.time()
    prometheus.start()
    after = until(
        lambda: found if (found := firing(prometheus)).keys() == EXPECTED_ALERTS else {}, what="all fire again"
    )
    until_sent_after(alertmanager, ended + 1.5 * RESOLVED_AFTER_SECONDS)
    assert count_notifications(webhook) - delivered == collections.Counter()
    for alert, age in EXPECTED_AGES.items():
        assert after[alert].since > ended
        for found in (before[alert], after[alert]):
            assert found.age == pytest.approx(age + found.at - running.metrics.made, abs=5)


@pytest.mark.needs("alertmanager")
def test_a_restart_of_alertmanager_resolves_no_alert_and_repeats_no_notification(running: Running):
    """It has stored which notifications it has sent. Prometheus sends all alerts again."""
    alertmanager, webhook = running.alertmanager, running.webhook
    delivered = count_notifications(webhook)
    alertmanager.end(signal.SIGTERM)
    ended = time.time()
    alertmanager.start()
    until_sent_after(alertmanager, ended + 1.5 * RESOLVED_AFTER_SECONDS)
    assert count_notifications(webhook) - delivered == collections.Counter()
