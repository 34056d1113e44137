"""The dashboards of a platform without runs: numbers are 0, and empty panels say why."""

import math
import time

import pytest

from tests.tools.dashboards.recorded_prometheus import RecordedPrometheus
from tools.dashboards.drawing import image
from tools.dashboards.generate import boards
from tools.dashboards.querying import run_queries

pytestmark = [pytest.mark.needs("prometheus", "promtool"), pytest.mark.timeout(120)]

BOARDS = boards()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """A Prometheus that has scraped an exporter without objects."""
    server = RecordedPrometheus(tmp_path_factory.mktemp("empty") / "server", at=time.time() // 60 * 60)
    for resource in ("coderuns", "jobs", "configmaps"):
        of = {"resource": resource, "scope": "*"}
        server.write("coderun_exporter_resource_last_sync_timestamp_seconds", int(server.at), 30, **of)
        server.write("coderun_exporter_resource_objects", 0, 30, **of)
        server.write("coderun_exporter_resource_state", 1, 30, state="watching", **of)
    server.write("coderun_exporter_build_info", 1, 30, version="1")
    server.write("up", 1, 30)
    with server:
        yield server


def results(prometheus, file):
    """The results of each panel. The dashboard of one run has empty variables."""
    chosen = {"namespace": "", "coderun": ""} if file == "one-run.json" else {}
    return run_queries(BOARDS[file], prometheus, chosen, seconds=0, time=prometheus.at)


@pytest.mark.parametrize("file", BOARDS)
def test_every_number_and_table_has_a_value_or_a_text(prometheus, file):
    """No query fails, no value is NaN, and an empty number or table has a text."""
    for each in results(prometheus, file):
        values = [float(series["value"][1]) for result in each.results for series in result.series]
        assert not any(math.isnan(value) for value in values), each.panel.title
        if each.panel.kind in {"stat", "table"} and not values:
            assert each.panel.tree["fieldConfig"]["defaults"]["noValue"], each.panel.title


def test_the_dashboard_of_runs_shows_no_problem(prometheus):
    """Each number is 0, and no table has a row."""
    shown = results(prometheus, "agent-runs.json")
    for each in shown:
        values = [float(series["value"][1]) for result in each.results for series in result.series]
        if each.panel.kind == "stat":
            assert set(values) == {0}, each.panel.title
        if each.panel.kind == "table":
            assert values == [], each.panel.title


def test_one_run_shows_that_the_run_does_not_exist(prometheus):
    """No panel shows a limit, a duration or a time."""
    shown = results(prometheus, "one-run.json")
    assert {each.panel.title: each.results for each in shown if any(result.series for result in each.results)} == {}
    drawn = image("One run", shown)
    for text in ("no such run", "no Job", "No Job", "No such run", "No cause known", "No alert fires"):
        assert f">{text}<" in drawn
