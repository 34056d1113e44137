"""Each shipped inhibition on a running Alertmanager: a cause inhibits its symptom, and no other alert."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from lab.monitoring.servers import Alertmanager
from lab.monitoring.webhook import Webhook
from lab.waiting import until
from tests.integration.inhibitions import Inhibition, Variant, inhibitions

pytestmark = pytest.mark.needs("alertmanager")

PAIRS = inhibitions()
Tell = Callable[..., None]
"""Sends alerts with these labels."""


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """All pairs share an Alertmanager. Each pair has its own objects, and its own other ones."""
    with Webhook() as webhook:
        running = Alertmanager(tmp_path_factory.mktemp("inhibition") / "alertmanager", receiver=webhook.url)
        with running:
            yield running


@pytest.fixture
def tell(alertmanager: Alertmanager) -> Iterator[Tell]:
    """All alerts of a test are resolved at its end: the symptom of one pair is the cause of another."""
    told: list[dict[str, str]] = []

    def send(*alerts: dict[str, str]) -> None:
        told.extend(alerts)
        alertmanager.tell(*({"labels": labels} for labels in alerts))

    yield send
    resolve(alertmanager, *told)


def resolve(alertmanager: Alertmanager, *alerts: dict[str, str]) -> None:
    """The alerts with these labels are over."""
    now = datetime.now(UTC).isoformat()
    alertmanager.tell(*({"labels": labels, "endsAt": now} for labels in alerts))


def labels_of(variant: Variant, *, suffix: str, cluster: bool) -> dict[str, str]:
    """The labels of an alert. The values of labels that name the object end in `suffix`."""
    own = {label: f"{label}-of-{suffix}" for label in variant.identity if cluster or label != "cluster"}
    return {"alertname": variant.alertname, **variant.labels, **own}


def unexplained(pair: Inhibition, symptom: dict[str, str]) -> list[dict[str, str]]:
    """Alerts like the symptom, but about another object or with another cause."""
    others = [
        symptom | {label: f"another-than-{symptom.get(label)}-of-{pair}".lower()}
        for label in sorted({*pair.equal} - {"alertname"})
    ]
    if symptom.get("explained_by") == pair.source.alertname:
        others += [
            {label: value for label, value in symptom.items() if label != "explained_by"},
            symptom | {"explained_by": "another"},
        ]
    return others


def status_of(alertmanager: Alertmanager, labels: dict[str, str]) -> dict[str, Any]:
    """The status of exactly this alert. Empty if Alertmanager does not have it."""
    matcher = f'alertname="{labels["alertname"]}"'
    found = [each for each in alertmanager.get("/api/v2/alerts", filter=matcher) if each["labels"] == labels]
    return {"fingerprint": found[0]["fingerprint"], **found[0]["status"]} if found else {}


def until_state(alertmanager: Alertmanager, labels: dict[str, str], state: str) -> None:
    """Waits until exactly this alert has this state."""
    until(
        lambda: status_of(alertmanager, labels).get("state") == state,
        what=f"{labels['alertname']} is {state}",
        otherwise=lambda: status_of(alertmanager, labels),
    )


@pytest.mark.parametrize("cluster", [True, False], ids=["with cluster", "without cluster"])
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_cause_inhibits_only_its_symptom_until_it_is_resolved(
    alertmanager: Alertmanager, tell: Tell, pair: Inhibition, cluster: bool
):
    """Alerts that differ in a compared label remain active, and so does the cause."""
    suffix = f"{pair}-{cluster}".lower()
    cause, symptom = (labels_of(side, suffix=suffix, cluster=cluster) for side in (pair.source, pair.target))
    others = unexplained(pair, symptom)
    tell(*others, symptom)
    until_state(alertmanager, symptom, "active")

    tell(cause)
    until_state(alertmanager, symptom, "suppressed")
    found = status_of(alertmanager, cause)
    assert (found["state"], found["inhibitedBy"]) == ("active", [])
    assert status_of(alertmanager, symptom)["inhibitedBy"] == [found["fingerprint"]]
    assert [status_of(alertmanager, other)["state"] for other in others] == ["active"] * len(others)

    resolve(alertmanager, cause)
    until_state(alertmanager, symptom, "active")


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_silenced_cause_inhibits_only_its_symptom(alertmanager: Alertmanager, tell: Tell, pair: Inhibition):
    """A silence does not end an inhibition. Alerts with another cause or object are notified."""
    suffix = f"silenced-{pair}".lower()
    cause, symptom = (labels_of(side, suffix=suffix, cluster=True) for side in (pair.source, pair.target))
    others = unexplained(pair, symptom)
    tell(*others, symptom, cause)
    alertmanager.silence(**cause)
    until_state(alertmanager, cause, "suppressed")
    assert status_of(alertmanager, cause)["silencedBy"]
    until_state(alertmanager, symptom, "suppressed")
    assert [status_of(alertmanager, other)["state"] for other in others] == ["active"] * len(others)


def test_a_silenced_configmap_does_not_inhibit_unrelated_runs(alertmanager: Alertmanager, tell: Tell):
    """The ConfigMap of one CLI is silenced. A run of the same namespace is stalled because of a quota."""
    common = {"namespace": "agent-platform", "severity": "critical", "component": "coderun-exporter"}
    configmap = {
        "alertname": "RequiredConfigMapUnhealthy",
        "configmap": "controller-agent-templates-codex",
        **common,
    }
    run = {"alertname": "CodeRunJobCreationStalled", "coderun": "task-9-claude", **common}
    hanging = {"alertname": "AgentJobHanging", "job_name": "task-8", **common}
    alertmanager.silence(alertname=configmap["alertname"], configmap=configmap["configmap"])
    tell(configmap, run, hanging)
    until_state(alertmanager, configmap, "suppressed")
    assert [status_of(alertmanager, labels)["state"] for labels in (run, hanging)] == ["active", "active"]
