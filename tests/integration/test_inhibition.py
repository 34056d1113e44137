"""Each inhibition of the bundle on a running Alertmanager: the cause silences its own symptom, and no other's."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.bundle import Inhibition, identity, inhibitions, shipped_alerts
from tests.integration.monitoring import Alertmanager
from tests.integration.waiting import until
from tests.integration.webhook import Webhook

pytestmark = pytest.mark.needs("alertmanager")

RULES = shipped_alerts()
PAIRS = inhibitions()


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """One for all pairs, each of which speaks of objects of its own."""
    with Webhook() as webhook:
        running = Alertmanager(tmp_path_factory.mktemp("inhibition") / "alertmanager", receiver=webhook.url)
        with running:
            yield running


def labels_of(name: str, *, place: str, cluster: bool) -> dict[str, str]:
    """The labels of an alert about an object of that place, where each label has the place's own value."""
    rule = RULES[name]
    own = {label: f"{label}-of-{place}" for label in identity(rule) if cluster or label != "cluster"}
    return {"alertname": name, **rule["labels"], **own}


def status_of(alertmanager: Alertmanager, labels: dict[str, str]) -> dict[str, Any]:
    """The status of exactly that alert; empty where Alertmanager has none."""
    found = [each for each in alertmanager.get("/api/v2/alerts") if each["labels"] == labels]
    return {"fingerprint": found[0]["fingerprint"], **found[0]["status"]} if found else {}


@pytest.mark.parametrize("cluster", [True, False], ids=["with cluster", "without cluster"])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.source} > {pair.target}")
def test_a_cause_silences_its_own_symptom_and_no_other_until_it_is_over(
    alertmanager: Alertmanager, pair: Inhibition, cluster: bool
):
    """Suppressed by that very alert. What differs in one label that both have stays active, as the cause does."""
    place = f"{pair.source}-{pair.target}-{cluster}".lower()
    cause, symptom = (labels_of(name, place=place, cluster=cluster) for name in (pair.source, pair.target))
    shared = identity(RULES[pair.source]) & identity(RULES[pair.target])
    others = [symptom | {label: "another"} for label in sorted(shared)]
    alertmanager.tell(*({"labels": labels} for labels in (*others, symptom)))
    until(
        lambda: status_of(alertmanager, symptom).get("state") == "active",
        what="the symptom alone is active",
        seconds=5,
    )

    alertmanager.tell({"labels": cause})
    until(
        lambda: status_of(alertmanager, symptom)["state"] == "suppressed", what="the symptom is suppressed", seconds=5
    )
    told = status_of(alertmanager, cause)
    assert (told["state"], told["inhibitedBy"]) == ("active", [])
    assert status_of(alertmanager, symptom)["inhibitedBy"] == [told["fingerprint"]]
    assert [status_of(alertmanager, other)["state"] for other in others] == ["active"] * len(others)

    alertmanager.tell({"labels": cause, "endsAt": datetime.now(UTC).isoformat()})
    until(
        lambda: status_of(alertmanager, symptom)["state"] == "active",
        what="the symptom is told after its cause",
        seconds=5,
    )
