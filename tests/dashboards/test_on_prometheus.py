"""Every query of the dashboards, asked of a real Prometheus that watches the demo."""

import math
import re
import time
from collections.abc import Iterator

import pytest

from exporter.demo.manifests import NAMESPACE
from tests.dashboards.scene import DONE, FAILED, HANGING, RUNS, STALLED, Watched, scene
from tools.dashboards.asking import Answered, answers, choices
from tools.dashboards.drawing import picture
from tools.dashboards.generate import boards
from tools.dashboards.reading import ALL, annotations_of, filled
from tools.dashboards.tables import rows_of

pytestmark = [pytest.mark.needs("prometheus"), pytest.mark.timeout(120)]

BOARDS = boards()
ABOUT_MANY, ABOUT_ONE, ABOUT_ITSELF = BOARDS["agent-runs.json"], BOARDS["one-run.json"], BOARDS["exporter.json"]
SECONDS = 30.0
OF_ITS_OWN = re.compile(r"increase\(|:p\d\d_|:ratio1h|ALERTS_FOR_STATE|last_sync")
"""What two replicas, or two Prometheuses, may tell differently."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Watched, Watched]]:
    """One exporter without a cluster, and two replicas in a cluster."""
    with scene(tmp_path_factory.mktemp("dashboards")) as both:
        yield both


def chosen_for(text: str) -> list[dict[str, str]]:
    """What is chosen on a dashboard: nothing, or each of the runs."""
    return [{"namespace": NAMESPACE, "coderun": run} for run in RUNS] if text == ABOUT_ONE else [{}]


def panel(answered: list[Answered], title: str) -> Answered:
    """The one of that title."""
    (found,) = [each for each in answered if each.panel.title == title and each.answers]
    return found


def number(answered: list[Answered], title: str, *, query: int = 0) -> float:
    """The one value of a query."""
    (series,) = panel(answered, title).answers[query].series
    return float(series["value"][1])


def told(answered: list[Answered], title: str, *names: str) -> set[tuple[object, ...]]:
    """The rows of a table, of each the fields of those names."""
    _, rows = rows_of(panel(answered, title))
    return {tuple(row.get(name) for name in names) for row in rows}


@pytest.mark.parametrize("replicas", [0, 1], ids=["one exporter, no cluster", "two replicas in a cluster"])
@pytest.mark.parametrize("file", BOARDS)
def test_every_query_gets_an_answer(watched: tuple[Watched, Watched], file: str, replicas: int):
    """With everything at `All`; on the dashboard of one run for at least one of the four runs."""
    text = BOARDS[file]
    counts: dict[str, int] = {}
    for chosen in chosen_for(text):
        for each in answers(text, watched[replicas], chosen, seconds=SECONDS):
            for answer in each.answers:
                key = f"{each.panel.title} {answer.asked.ref}"
                counts[key] = counts.get(key, 0) + len(answer.series)
    assert counts
    assert [name for name, count in counts.items() if not count] == []


@pytest.mark.parametrize("file", BOARDS)
def test_every_variable_offers_something(watched: tuple[Watched, Watched], file: str):
    """All but `cluster`, which offers nothing where there is none."""
    without, within = (choices(BOARDS[file], each, {"cluster": ".*", "namespace": NAMESPACE}) for each in watched)
    assert without.pop("cluster") == []
    assert within.pop("cluster") == ["one"]
    assert all(without.values())
    assert without.keys() == within.keys()
    assert {name: values for name, values in without.items() if name != "instance"} == {
        name: values for name, values in within.items() if name != "instance"
    }


@pytest.mark.parametrize(
    "chosen", [{"cluster": ["one", "two"], "namespace": [NAMESPACE, "x"], "agent": ["rex", "y"]}]
)
def test_several_values_of_a_variable_are_one_pattern(watched: tuple[Watched, Watched], chosen: dict[str, list[str]]):
    """Nothing else is shown but what has no namespace, and broken ConfigMaps, which are causes elsewhere."""
    many = answers(ABOUT_MANY, watched[1], chosen, seconds=SECONDS)
    assert told(many, "Runs without a Job, the longest wait first", "agent") == {("rex",)}
    assert number(many, "Jobs hanging") == 0
    alerts = told(many, "Alerts firing, the worst first", "alertname")
    assert alerts >= {("CodeRunJobCreationStalled",), ("CodeRunExporterResourceUnavailable",)}
    elsewhere = answers(ABOUT_MANY, watched[1], chosen | {"namespace": "elsewhere"}, seconds=SECONDS)
    assert number(elsewhere, "Open runs") == 0
    alerts = told(elsewhere, "Alerts firing, the worst first", "alertname")
    assert ("RequiredConfigMapUnhealthy",) in alerts
    assert ("CodeRunJobCreationStalled",) not in alerts
    gone = answers(ABOUT_MANY, watched[1], {"cluster": ["two"]}, seconds=SECONDS)
    assert number(gone, "Open runs") == 0


def test_the_wall_says_what_is_stuck_and_why(watched: tuple[Watched, Watched]):
    """The numbers and tables of the first row, against the demo's own script."""
    many = answers(ABOUT_MANY, watched[0], {}, seconds=SECONDS)
    assert number(many, "Runs stalled") == 2
    assert number(many, "Jobs hanging") == 2
    assert number(many, "ConfigMaps broken") == 1
    assert number(many, "Open runs") == 7
    assert number(many, "Age of this picture") < 30
    waiting = told(many, "Runs without a Job, the longest wait first", "coderun", "cause")
    assert waiting == {(run, "configmap_empty") for run in (STALLED, "task-6-rex", "task-9-rex")}
    hanging = told(many, "Jobs that should have ended, the longest first", "coderun", "cause")
    assert hanging == {(run, "finished_not_exited") for run in (HANGING, "task-4-tess")}
    about = told(many, "Alerts firing, the worst first", "alertname", "object")
    assert about >= {("AgentJobHanging", HANGING), ("CodeRunJobCreationStalled", STALLED)}
    assert sum(number(many, "Open runs by age, now", query=query) for query in range(4)) == 7
    assert number(many, "Failures by agent and reason") == pytest.approx(2, abs=0.5)


def test_one_run_says_what_became_of_it(watched: tuple[Watched, Watched]):
    """Of the four runs: phase, cause, attempt, wait and run time."""
    phases, causes, attempts = {}, {}, {}
    for run in RUNS:
        one = answers(ABOUT_ONE, watched[0], {"namespace": NAMESPACE, "coderun": run}, seconds=SECONDS)
        phases[run] = number(one, "Phase")
        causes[run] = [series["metric"]["cause"] for series in panel(one, "Why it is stuck").answers[0].series]
        attempts[run] = number(one, "Attempt")
        if run != STALLED:
            assert number(one, "Run time", query=1) == 3600
    assert phases == {STALLED: 6, HANGING: 3, DONE: 1, FAILED: 2}
    assert causes == {STALLED: ["configmap_empty"], HANGING: ["finished_not_exited"], DONE: [], FAILED: []}
    assert attempts == {STALLED: 1, HANGING: 1, DONE: 1, FAILED: 2}


def without_cluster(answered: list[Answered]) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    """The values of each query by their labels, without the cluster."""
    return {
        f"{each.panel.title} {answer.asked.ref}": {
            frozenset(series["metric"].items() - {("cluster", "one")}): float(series["value"][1])
            for series in answer.series
        }
        for each in answered
        for answer in each.answers
    }


@pytest.mark.parametrize("text", [ABOUT_MANY, ABOUT_ONE], ids=["agent-runs.json", "one-run.json"])
def test_two_replicas_in_a_cluster_say_what_one_exporter_says(watched: tuple[Watched, Watched], text: str):
    """At the same moment: the same series but for the cluster, and the same numbers; nothing counts twice.

    What is read from counters differs by the moments of the scrapes, and what is about Prometheus or a replica (since
    when an alert is active, how old a picture is) by when it began.
    """
    for chosen in chosen_for(text):
        now = time.time()
        first, second = (answers(text, each, chosen, seconds=SECONDS, time=now) for each in watched)
        one, two = without_cluster(first), without_cluster(second)
        asked = {
            f"{each.panel.title} {answer.asked.ref}": answer.asked.expr for each in first for answer in each.answers
        }
        assert one.keys() == two.keys()
        for query, values in one.items():
            assert two[query].keys() == values.keys(), query
            for labels, value in values.items():
                exact = not OF_ITS_OWN.search(asked[query])
                same = pytest.approx(value, rel=1e-9) if exact else pytest.approx(value, rel=0.25, abs=1.5)
                assert two[query][labels] == same, (query, dict(labels))


def test_the_exporters_dashboard_tells_replicas_apart(watched: tuple[Watched, Watched]):
    """A row for each replica and resource, what may not be read among them, and the alert about it."""
    itself = answers(ABOUT_ITSELF, watched[1], {}, seconds=SECONDS)
    states = told(itself, "Resources", "resource", "Value #B", "instance")
    assert len({instance for _, _, instance in states}) == 2
    assert {(resource, state) for resource, state, _ in states} == {
        ("coderuns", 2), ("jobs", 2), ("configmaps", 2), ("docsruns", 4),
    }  # fmt: skip
    assert number(itself, "Resources not read") == 2
    assert number(itself, "Targets down") == 0
    assert ("CodeRunExporterResourceUnavailable", "docsruns") in told(
        itself, "Alerts about the exporter", "alertname", "resource"
    )


@pytest.mark.parametrize("file", BOARDS)
def test_alerts_are_marked_on_the_time_axis(watched: tuple[Watched, Watched], file: str):
    """On the dashboard of one run those about it."""
    (expression,) = annotations_of(BOARDS[file])
    chosen = {"cluster": ALL, "instance": ALL, "namespace": NAMESPACE, "coderun": HANGING}
    asked = filled(expression, chosen, interval="15s", span="5m")
    names = {series["metric"]["alertname"] for series in watched[0].over(asked, seconds=SECONDS)}
    assert names
    if file == "one-run.json":
        assert names == {"AgentJobHanging", "AgentFinishedNotExited"}


@pytest.mark.parametrize("file", BOARDS)
def test_a_picture_can_be_drawn_of_it(watched: tuple[Watched, Watched], file: str):
    """Every panel is on it, and no number is missing."""
    answered = answers(BOARDS[file], watched[0], chosen_for(BOARDS[file])[0], seconds=SECONDS)
    drawn = picture("Title", answered)
    assert drawn.count("<title>") == 1 + sum(each.panel.kind != "row" for each in answered)
    assert str(math.nan) not in drawn
