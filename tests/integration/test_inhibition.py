"""Each inhibition of the bundle on a running Alertmanager: the cause silences its own symptom, and no other's."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from lab.monitoring.servers import Alertmanager
from lab.monitoring.webhook import Webhook
from lab.waiting import until
from tests.integration.inhibitions import Inhibition, Variant, inhibitions

pytestmark = pytest.mark.needs("alertmanager")

PAIRS = inhibitions()
WITHIN = 10.0


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """One for all pairs, each of which speaks of objects of its own."""
    with Webhook() as webhook:
        running = Alertmanager(tmp_path_factory.mktemp("inhibition") / "alertmanager", receiver=webhook.url)
        with running:
            yield running


def labels_of(variant: Variant, *, place: str, cluster: bool) -> dict[str, str]:
    """The labels of an alert about an object of that place, where each label has the place's own value."""
    own = {label: f"{label}-of-{place}" for label in variant.identity if cluster or label != "cluster"}
    return {"alertname": variant.alertname, **variant.labels, **own}


def unexplained(pair: Inhibition, symptom: dict[str, str]) -> list[dict[str, str]]:
    """Alerts like the symptom, each of which is about another object, or has another cause."""
    others = [symptom | {label: "another"} for label in sorted({*pair.equal} - {"alertname"})]
    if symptom.get("explained_by") == pair.source.alertname:
        others += [
            {label: value for label, value in symptom.items() if label != "explained_by"},
            symptom | {"explained_by": "another"},
        ]
    return others


def status_of(alertmanager: Alertmanager, labels: dict[str, str]) -> dict[str, Any]:
    """The status of exactly that alert; empty where Alertmanager has none."""
    wanted = f'alertname="{labels["alertname"]}"'
    found = [each for each in alertmanager.get("/api/v2/alerts", filter=wanted) if each["labels"] == labels]
    return {"fingerprint": found[0]["fingerprint"], **found[0]["status"]} if found else {}


def until_state(alertmanager: Alertmanager, labels: dict[str, str], state: str) -> None:
    """Wait until exactly that alert is in that state."""
    until(
        lambda: status_of(alertmanager, labels).get("state") == state,
        what=f"{labels['alertname']} is {state}",
        seconds=WITHIN,
    )


@pytest.mark.parametrize("cluster", [True, False], ids=["with cluster", "without cluster"])
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_cause_silences_its_own_symptom_and_no_other_until_it_is_over(
    alertmanager: Alertmanager, pair: Inhibition, cluster: bool
):
    """Suppressed by that very alert. What differs in one label that is compared stays active, as the cause does."""
    place = f"{pair}-{cluster}".lower()
    cause, symptom = (labels_of(side, place=place, cluster=cluster) for side in (pair.source, pair.target))
    others = unexplained(pair, symptom)
    alertmanager.tell(*({"labels": labels} for labels in (*others, symptom)))
    until_state(alertmanager, symptom, "active")

    alertmanager.tell({"labels": cause})
    until_state(alertmanager, symptom, "suppressed")
    found = status_of(alertmanager, cause)
    assert (found["state"], found["inhibitedBy"]) == ("active", [])
    assert status_of(alertmanager, symptom)["inhibitedBy"] == [found["fingerprint"]]
    assert [status_of(alertmanager, other)["state"] for other in others] == ["active"] * len(others)

    alertmanager.tell({"labels": cause, "endsAt": datetime.now(UTC).isoformat()})
    until_state(alertmanager, symptom, "active")


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_silenced_cause_hides_what_it_explains_and_nothing_else(alertmanager: Alertmanager, pair: Inhibition):
    """A silence does not end an inhibition: what has another cause or object is delivered all the same."""
    place = f"silenced-{pair}".lower()
    cause, symptom = (labels_of(side, place=place, cluster=True) for side in (pair.source, pair.target))
    others = unexplained(pair, symptom)
    alertmanager.tell(*({"labels": labels} for labels in (*others, symptom, cause)))
    alertmanager.silence(**cause)
    until_state(alertmanager, cause, "suppressed")
    assert status_of(alertmanager, cause)["silencedBy"]
    until_state(alertmanager, symptom, "suppressed")
    assert [status_of(alertmanager, other)["state"] for other in others] == ["active"] * len(others)
    alertmanager.tell({"labels": cause, "endsAt": datetime.now(UTC).isoformat()})


def test_a_configmap_that_is_not_used_and_silenced_hides_no_run_that_stalls_for_another_reason(
    alertmanager: Alertmanager,
):
    """The ConfigMap of one CLI is silenced for a week; a run of the same namespace is over quota."""
    common = {"namespace": "agent-platform", "severity": "critical", "component": "coderun-exporter"}
    configmap = {
        "alertname": "RequiredConfigMapUnhealthy",
        "configmap": "controller-agent-templates-codex",
        **common,
    }
    run = {"alertname": "CodeRunJobCreationStalled", "coderun": "task-9-claude", **common}
    hanging = {"alertname": "AgentJobHanging", "job_name": "task-8", **common}
    alertmanager.silence(alertname=configmap["alertname"], configmap=configmap["configmap"])
    alertmanager.tell(*({"labels": labels} for labels in (configmap, run, hanging)))
    until_state(alertmanager, configmap, "suppressed")
    assert [status_of(alertmanager, labels)["state"] for labels in (run, hanging)] == ["active", "active"]
