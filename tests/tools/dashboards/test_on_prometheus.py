"""Every query of the dashboards, with a real Prometheus that scrapes the exporter of a simulated platform."""

import math
import re
import time
from collections.abc import Iterator

import pytest

from lab.monitoring.scene import (
    DONE,
    FAILED,
    HANGING,
    NO_POD,
    OVERDUE,
    PENDING,
    RETRIED,
    RUNS,
    STALLED,
    STALLS,
    Watched,
    scene,
)
from lab.platform.manifests import NAMESPACE
from tools.dashboards.drawing import image
from tools.dashboards.generate import boards
from tools.dashboards.one_run_promql import STATES
from tools.dashboards.querying import PanelResult, choices, run_queries
from tools.dashboards.reading import ALL, annotations_of, filled
from tools.dashboards.tables import rows_of

pytestmark = [pytest.mark.needs("prometheus", "promtool"), pytest.mark.timeout(120)]

BOARDS = boards()
RUNS_DASHBOARD, ONE_RUN_DASHBOARD, EXPORTER_DASHBOARD = (
    BOARDS["agent-runs.json"],
    BOARDS["one-run.json"],
    BOARDS["exporter.json"],
)
QUERY_TIMEOUT = 30.0
WITHOUT_POD, NOT_STARTING, OVER_LIMIT = 1, 2, 4
"""Values of the column Problem."""
DIFFERS_BY_REPLICA = re.compile(r"increase\(|\btimestamp\(|:p\d\d_|:ratio1h|ALERTS_FOR_STATE|last_sync")
"""Expressions whose values may differ between two replicas or two Prometheus servers."""
EMPTY_WITHOUT_DELETED_OBJECTS = {"Phase B", "Cause B", "Age C", "Time without a Job C", "Run time C"}
"""Queries about deleted runs and Jobs, which this platform does not have: see test_deleted_runs."""
EMPTY_WITHOUT_READINESS = {"Timeline G"}
"""Queries about the readiness of runs, which no kind of this platform defines."""
EMPTY_WITHOUT_LOGS = {"Container logs A"}
"""Queries about reading logs, which the settings do not enable."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Watched, Watched]]:
    """One exporter without a `cluster` label, and two replicas with it."""
    with scene(tmp_path_factory.mktemp("dashboards")) as both:
        yield both


def variables_for(text: str) -> list[dict[str, str]]:
    """The variables of a dashboard: each run for that of one run, else none."""
    return (
        [{"namespace": place, "coderun": run} for run, place in RUNS.items()] if text == ONE_RUN_DASHBOARD else [{}]
    )


def panel(results: list[PanelResult], title: str) -> PanelResult:
    """The result of the panel with this title."""
    (found,) = [each for each in results if each.panel.title == title and each.results]
    return found


def number(results: list[PanelResult], title: str, *, query: int = 0) -> float:
    """The only value of a query."""
    (series,) = panel(results, title).results[query].series
    return float(series["value"][1])


def fields(results: list[PanelResult], title: str, *names: str) -> set[tuple[object, ...]]:
    """The given fields of each row of a table."""
    _, rows = rows_of(panel(results, title))
    return {tuple(row.get(name) for name in names) for row in rows}


@pytest.mark.parametrize("replicas", [0, 1], ids=["one exporter, no cluster", "two replicas in a cluster"])
@pytest.mark.parametrize("file", BOARDS)
def test_every_query_has_a_result(watched: tuple[Watched, Watched], file: str, replicas: int):
    """Variables are `All`. On the dashboard of one run, each query has a result for at least one run."""
    text = BOARDS[file]
    counts: dict[str, int] = {}
    for chosen in variables_for(text):
        for each in run_queries(text, watched[replicas], chosen, seconds=QUERY_TIMEOUT):
            for result in each.results:
                key = f"{each.panel.title} {result.target.ref}"
                counts[key] = counts.get(key, 0) + len(result.series)
    assert counts
    assert {
        name for name, count in counts.items() if not count
    } <= EMPTY_WITHOUT_DELETED_OBJECTS | EMPTY_WITHOUT_READINESS | EMPTY_WITHOUT_LOGS


@pytest.mark.parametrize("file", BOARDS)
def test_every_variable_has_values(watched: tuple[Watched, Watched], file: str):
    """`cluster` has no values if no series has this label."""
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
def test_several_values_of_a_variable_are_one_regular_expression(
    watched: tuple[Watched, Watched], chosen: dict[str, list[str]]
):
    """Other namespaces are not shown. Unhealthy ConfigMaps are, because they affect runs of all namespaces."""
    many = run_queries(RUNS_DASHBOARD, watched[1], chosen, seconds=QUERY_TIMEOUT)
    assert fields(many, "Runs without a Job", "agent") == {("rex",)}
    assert fields(many, "Jobs that need attention", "agent") == {("rex",)}
    assert number(many, "Failed in a row") == 0
    alerts = fields(many, "Firing alerts", "alertname")
    assert alerts >= {("CodeRunJobCreationStalled",), ("RequiredConfigMapUnhealthy",)}
    elsewhere = run_queries(RUNS_DASHBOARD, watched[1], chosen | {"namespace": "elsewhere"}, seconds=QUERY_TIMEOUT)
    assert number(elsewhere, "Runs stalled") == 0
    alerts = fields(elsewhere, "Firing alerts", "alertname")
    assert ("RequiredConfigMapUnhealthy",) in alerts
    assert ("CodeRunJobCreationStalled",) not in alerts
    gone = run_queries(RUNS_DASHBOARD, watched[1], {"cluster": ["two"]}, seconds=QUERY_TIMEOUT)
    assert sum(number(gone, "Open runs by age", query=query) for query in range(4)) == 0


def test_the_first_row_shows_what_is_stuck_and_why(watched: tuple[Watched, Watched]):
    """The numbers and tables show the simulated faults."""
    many = run_queries(RUNS_DASHBOARD, watched[0], {}, seconds=QUERY_TIMEOUT)
    assert number(many, "Runs stalled") == 2
    assert number(many, "Unhealthy Jobs") == 0
    assert number(many, "Unhealthy Jobs", query=1) == 5
    assert number(many, "Failed in a row") == 4
    assert number(many, "Unhealthy ConfigMaps") == 1
    assert number(many, "Data freshness") < 30
    waiting = fields(many, "Runs without a Job", "coderun", "cause")
    assert waiting == {(run, "configmap_empty") for run in STALLS}
    overdue = {(run, None, OVER_LIMIT) for run in OVERDUE}
    unhealthy = fields(many, "Jobs that need attention", "coderun", "cause", "Value #D")
    not_starting = {(PENDING, cause, NOT_STARTING) for cause in ("pod_not_starting", "pod_configmap_missing")}
    assert unhealthy == overdue | not_starting | {(NO_POD, "no_pod", WITHOUT_POD)}
    failed = fields(many, "Failed runs", "coderun", "cause", "run_type")
    assert (FAILED, "template_failed", "implementation") in failed
    assert len(failed) == 4
    about = fields(many, "Firing alerts", "alertname", "object")
    assert about >= {
        ("AgentJobHanging", HANGING), ("CodeRunJobCreationStalled", STALLED), ("AgentJobWithoutPod", NO_POD),
        ("AgentPodNotStarting", PENDING), ("CodeRunsFailing", "implementation"),
    }  # fmt: skip
    assert sum(number(many, "Open runs by age", query=query) for query in range(4)) == 11
    assert number(many, "Failures by agent") == pytest.approx(2, abs=0.5)
    assert number(many, "Failures by agent", query=1) == pytest.approx(1, abs=0.5)


def test_the_default_limit_makes_no_job_critical(watched: tuple[Watched, Watched]):
    """A Job that has run for 3 h with the default limit of 1 h is a warning."""
    many = run_queries(RUNS_DASHBOARD, watched[0], {}, seconds=QUERY_TIMEOUT)
    severities = dict(fields(many, "Jobs that need attention", "coderun", "Value #C"))
    assert {severities[run] for run in OVERDUE} == {1}


def test_one_run_shows_its_state_and_cause(watched: tuple[Watched, Watched]):
    """The phase has the color of the state. Cause, attempt, run time and limit are shown for each kind of run."""
    phases, causes, attempts = {}, {}, {}
    for run, place in RUNS.items():
        one = run_queries(ONE_RUN_DASHBOARD, watched[0], {"namespace": place, "coderun": run}, seconds=QUERY_TIMEOUT)
        (phase,) = panel(one, "Phase").results[0].series
        phases[run] = phase["metric"]["phase"], STATES[int(phase["value"][1])][0]
        causes[run] = [series["metric"]["cause"] for series in panel(one, "Cause").results[0].series]
        attempts[run] = number(one, "Attempt")
        if run not in {STALLED, FAILED}:
            assert number(one, "Run time", query=3) == 3600
    assert phases == {
        STALLED: ("none", "open"), HANGING: ("Running", "open"), NO_POD: ("Running", "open"),
        DONE: ("Succeeded", "succeeded"), RETRIED: ("Running", "open"), FAILED: ("Failed", "failed"),
    }  # fmt: skip
    assert {run: found for run, found in causes.items() if found} == {
        STALLED: ["configmap_empty"], NO_POD: ["no_pod"], FAILED: ["template_failed"],
    }  # fmt: skip
    assert {run: attempt for run, attempt in attempts.items() if attempt > 1} == {RETRIED: 3}


def test_one_run_shows_the_alerts_that_explain_it(watched: tuple[Watched, Watched]):
    """Alerts about its Job, about a ConfigMap that it needs, and about failing runs of its type."""
    found = {}
    for run, place in RUNS.items():
        one = run_queries(ONE_RUN_DASHBOARD, watched[0], {"namespace": place, "coderun": run}, seconds=QUERY_TIMEOUT)
        found[run] = {alert for (alert,) in fields(one, "Alerts that fire now", "alertname")}
    assert found == {
        STALLED: {"CodeRunJobCreationStalled", "CodeRunNotReconciled", "RequiredConfigMapUnhealthy"},
        HANGING: {"AgentJobHanging"},
        NO_POD: {"AgentJobWithoutPod"},
        DONE: set(),
        RETRIED: set(),
        FAILED: {"CodeRunsFailing"},
    }


def without_cluster(results: list[PanelResult]) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    """The values of each query by their labels, without the cluster."""
    return {
        f"{each.panel.title} {result.target.ref}": {
            frozenset(series["metric"].items() - {("cluster", "one")}): float(series["value"][1])
            for series in result.series
        }
        for each in results
        for result in each.results
    }


@pytest.mark.parametrize("text", [RUNS_DASHBOARD, ONE_RUN_DASHBOARD], ids=["agent-runs.json", "one-run.json"])
def test_two_replicas_in_a_cluster_are_counted_once(watched: tuple[Watched, Watched], text: str):
    """The series are equal except for the cluster, and so are the numbers, at the same time of evaluation.

    Increases of counters depend on the times of scrapes. The start of an alert and the last sync depend on the
    start of Prometheus and of the replica. Short events may be missing in a subquery with a resolution of a minute.
    """
    for chosen in variables_for(text):
        now = time.time()
        first, second = (run_queries(text, each, chosen, seconds=QUERY_TIMEOUT, time=now) for each in watched)
        one, two = without_cluster(first), without_cluster(second)
        expressions = {
            f"{each.panel.title} {result.target.ref}": result.target.expr for each in first for result in each.results
        }
        assert one.keys() == two.keys()
        for query, values in one.items():
            if "$__range:1m" not in expressions[query]:
                assert two[query].keys() == values.keys(), query
            for labels in values.keys() & two[query].keys():
                value = values[labels]
                exact = not DIFFERS_BY_REPLICA.search(expressions[query])
                same = pytest.approx(value, rel=1e-9) if exact else pytest.approx(value, rel=0.25, abs=1.5)
                assert two[query][labels] == same, (query, dict(labels))


def test_the_exporters_dashboard_has_a_row_for_each_replica(watched: tuple[Watched, Watched]):
    """It also has a row for each resource. The forbidden resource has an alert, too."""
    itself = run_queries(EXPORTER_DASHBOARD, watched[1], {}, seconds=QUERY_TIMEOUT)
    states = fields(itself, "Resources", "resource", "Value #B", "instance")
    assert len({instance for _, _, instance in states}) == 2
    assert {(resource, state) for resource, state, _ in states} == {
        ("coderuns", 2), ("jobs", 2), ("pods", 2), ("events", 2), ("configmaps", 2), ("docsruns", 4),
    }  # fmt: skip
    assert number(itself, "Unsynced resources") == 2
    assert number(itself, "Targets down") == 0
    assert number(itself, "Failed scrapes, 30 min") < 0.05
    assert number(itself, "Overridden labels") == 0
    assert ("CodeRunExporterResourceUnavailable", "docsruns") in fields(
        itself, "Firing alerts", "alertname", "resource"
    )


@pytest.mark.parametrize("file", BOARDS)
def test_alerts_are_marked_on_the_time_axis(watched: tuple[Watched, Watched], file: str):
    """The dashboard of one run marks only the alerts about it."""
    (expression,) = annotations_of(BOARDS[file])
    chosen = {"cluster": ALL, "instance": ALL, "namespace": NAMESPACE, "coderun": HANGING}
    query = filled(expression, chosen, interval="15s", span="5m")
    names = {series["metric"]["alertname"] for series in watched[0].over(query, seconds=QUERY_TIMEOUT)}
    assert names
    if file == "one-run.json":
        assert names == {"AgentJobHanging"}


@pytest.mark.parametrize("file", BOARDS)
def test_the_image_of_a_dashboard_has_every_panel(watched: tuple[Watched, Watched], file: str):
    """No value is NaN."""
    results = run_queries(BOARDS[file], watched[0], variables_for(BOARDS[file])[0], seconds=QUERY_TIMEOUT)
    drawn = image("Title", results)
    assert drawn.count("<title>") == 1 + sum(each.panel.kind != "row" for each in results)
    assert str(math.nan) not in drawn
