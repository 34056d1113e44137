"""Dashboards leave out ConfigMaps that a run does not need, and alerts about the exporter."""

import re
import time
from types import SimpleNamespace

import pytest

from exporter.diagnosis import configmaps
from lab.monitoring.bundle import shipped_alerts
from tests.tools.dashboards.recorded_prometheus import RecordedPrometheus
from tools.dashboards.generate import boards
from tools.dashboards.querying import run_queries
from tools.dashboards.reading import annotations_of, panels_of
from tools.dashboards.tables import rows_of

RUNS_DASHBOARD, ONE_RUN_DASHBOARD = (boards()[file] for file in ("agent-runs.json", "one-run.json"))
CLIS = {"none": "", "codex": "codex", "claude": "claude", "two-words": "claude-code", "unknown": "mine"}
CONFIGMAPS = (
    "agents", "claude-templates", "agents-codex-static", "codex", "shared-harness", "claudette-x", "code-rules",
    "for-gemini", "mine-templates",
    "claude-and-codex", "codex-or-gemini-or-claude",
)  # fmt: skip


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """Runs of all CLIs in two clusters, unhealthy ConfigMaps, and alerts about an exporter that lacks a resource."""
    server = RecordedPrometheus(tmp_path_factory.mktemp("relevance") / "server", at=time.time() // 60 * 60)
    for cluster, clis in (("east", CLIS), ("west", {"none": "codex"})):
        for run, cli in clis.items():
            of = {"cluster": cluster, "namespace": "agents", "coderun": run}
            server.write("coderun_created_timestamp", server.ago(30), 30, **of)
            server.write("coderun_info", 1, 30, **of | ({"cli": cli} if cli else {}))
        for name in CONFIGMAPS:
            server.write("configmap_health", 0, 30, cluster=cluster, namespace="agent-platform", configmap=name)
    for name in shipped_alerts():
        labels = {"alertname": name, "severity": "critical", "component": "coderun-exporter", "alertstate": "firing"}
        server.write("ALERTS", 1, 10, instance="a", resource="jobs", **labels)
    server.write("process_start_time_seconds", server.ago(20), 20, cluster="west")
    server.write("coderun_exporter_resource_last_sync_timestamp_seconds", server.ago(50), 50, 40, cluster="east",
                 resource="coderuns", scope="*")  # fmt: skip
    for resource, required in (("jobs", 1), ("configmaps", 0)):
        server.write("coderun_exporter_resource_required", required, 20, cluster="west", resource=resource, scope="*")
    with server:
        yield server


def panel(prometheus, text, title, chosen):
    """The result of one panel."""
    results = run_queries(text, prometheus, chosen, seconds=0, time=prometheus.at)
    (found,) = [each for each in results if each.panel.title == title]
    return found


@pytest.mark.needs("prometheus", "promtool")
@pytest.mark.parametrize("run", CLIS)
def test_a_run_shows_the_configmaps_that_its_diagnosis_reads(prometheus, run):
    """Their name has the run's CLI, or no CLI. A run without a CLI uses claude."""
    chosen = {"cluster": ["east"], "namespace": "agents", "coderun": run}
    (lanes,) = panel(prometheus, ONE_RUN_DASHBOARD, "Health of the ConfigMaps of its CLI", chosen).results
    needed = {
        name
        for name in CONFIGMAPS
        if configmaps._concerns(SimpleNamespace(name=name, problems=["x"]), SimpleNamespace(cli=CLIS[run]))
    }
    assert {"agents", "shared-harness"} < needed < set(CONFIGMAPS) or run == "unknown"
    assert {series["metric"]["configmap"] for series in lanes.series} == needed
    assert {series["metric"]["cluster"] for series in lanes.series} == {"east"}


@pytest.mark.needs("prometheus", "promtool")
def test_alerts_about_the_exporter_are_on_its_own_dashboard(prometheus):
    """They are not listed, counted or marked on the dashboard of runs."""
    about_runs = {name for name in shipped_alerts() if not name.startswith("CodeRunExporter")}
    _, rows = rows_of(panel(prometheus, RUNS_DASHBOARD, "Firing alerts", {}))
    assert {row["alertname"] for row in rows} == about_runs
    (count, _) = panel(prometheus, RUNS_DASHBOARD, "Number of alerts", {}).results
    assert float(count.series[0]["value"][1]) == len(about_runs)
    (marks,) = annotations_of(RUNS_DASHBOARD)
    assert 'alertname!~"CodeRunExporter.*"' in marks


@pytest.mark.needs("prometheus", "promtool")
@pytest.mark.parametrize(("cluster", "minutes"), [("east", 50), ("west", 20)])
def test_data_freshness_is_red_if_data_is_missing(prometheus, cluster, minutes):
    """Scrapes have ended, or a required resource was never read. Other panels would be empty and green."""
    (result,) = panel(prometheus, RUNS_DASHBOARD, "Data freshness", {"cluster": [cluster]}).results
    ((_, value),) = [series["value"] for series in result.series]
    assert float(value) == minutes * 60


@pytest.mark.parametrize(("text", "expected"), [(RUNS_DASHBOARD, ["Data freshness"]), (ONE_RUN_DASHBOARD, [])])
def test_at_most_one_number_about_the_exporter_is_on_the_dashboards_of_runs(text, expected):
    """It is "Data freshness"."""
    about = re.compile(r"coderun_exporter_|process_|\bup\{|scrape_")
    found = [each.title for each in panels_of(text) if any(about.search(query.expr) for query in each.queries)]
    assert found == expected
