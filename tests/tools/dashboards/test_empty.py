"""The dashboards of a platform that has no run yet: numbers are 0, and what is empty says why."""

import math
import time

import pytest

from tests.tools.dashboards.past import Past
from tools.dashboards.drawing import image
from tools.dashboards.generate import boards
from tools.dashboards.querying import run_queries

pytestmark = [pytest.mark.needs("prometheus", "promtool"), pytest.mark.timeout(120)]

BOARDS = boards()


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """An exporter that has read everything, and has found nothing."""
    server = Past(tmp_path_factory.mktemp("empty") / "server", at=time.time() // 60 * 60)
    for resource in ("coderuns", "jobs", "configmaps"):
        of = {"resource": resource, "scope": "*"}
        server.write("coderun_exporter_resource_last_sync_timestamp_seconds", int(server.at), 30, **of)
        server.write("coderun_exporter_resource_objects", 0, 30, **of)
        server.write("coderun_exporter_resource_state", 1, 30, state="watching", **of)
    server.write("coderun_exporter_build_info", 1, 30, version="1")
    server.write("up", 1, 30)
    with server:
        yield server


def results(past, file):
    """Of each panel, with an empty choice where the dashboard is of one run."""
    chosen = {"namespace": "", "coderun": ""} if file == "one-run.json" else {}
    return run_queries(BOARDS[file], past, chosen, seconds=0, time=past.at)


@pytest.mark.parametrize("file", BOARDS)
def test_every_number_and_table_shows_a_value_or_why_it_has_none(past, file):
    """No error, no NaN, and no empty number or table without a word."""
    for each in results(past, file):
        values = [float(series["value"][1]) for result in each.results for series in result.series]
        assert not any(math.isnan(value) for value in values), each.panel.title
        if each.panel.kind in {"stat", "table"} and not values:
            assert each.panel.tree["fieldConfig"]["defaults"]["noValue"], each.panel.title


def test_the_wall_is_green_and_says_that_nothing_is_wrong(past):
    """Each number is 0; no table has a row."""
    shown = results(past, "agent-runs.json")
    for each in shown:
        values = [float(series["value"][1]) for result in each.results for series in result.series]
        if each.panel.kind == "stat":
            assert set(values) == {0}, each.panel.title
        if each.panel.kind == "table":
            assert values == [], each.panel.title


def test_one_run_says_that_there_is_no_such_run(past):
    """Nothing is shown as a limit, a duration or a time of a run that does not exist."""
    shown = results(past, "one-run.json")
    assert {each.panel.title: each.results for each in shown if any(result.series for result in each.results)} == {}
    drawn = image("One run", shown)
    for words in ("no such run", "no Job", "No Job", "No such run", "No cause known", "No alert fires"):
        assert f">{words}<" in drawn
