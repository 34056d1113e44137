"""The column "Firing since" of two tables, on a Prometheus with a day of alerts."""

import time

import pytest

from tests.tools.dashboards.recorded_prometheus import RecordedPrometheus
from tools.dashboards.generate import boards
from tools.dashboards.querying import run_queries
from tools.dashboards.tables import rows_of

pytestmark = [pytest.mark.needs("prometheus", "promtool"), pytest.mark.timeout(120)]

BOARDS = boards()
DAY = 24 * 60
EPISODES = {
    # (since, until, activeAt) of each time that it fired, and the expected value; all in minutes ago
    "through-a-restart": ([(170, 100, 170), (92, 0, 92)], 170),
    "again": ([(160, 120, 160), (20, 0, 20)], 20),
    "just-now": ([(300, 200, 300), (0.5, 0, 0.5)], 0.5),
    "after-its-wait": ([(5, 0, 10)], 5),
    "for-more-than-a-day": ([(DAY + 120, 0, DAY + 120)], DAY + 120),
}
"""By run: the intervals in which the alert fired, and the start of the current one."""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """A Prometheus with an alert about each run."""
    server = RecordedPrometheus(tmp_path_factory.mktemp("alerts") / "server", at=time.time() // 60 * 60 - 23)
    for run, (episodes, _) in EPISODES.items():
        labels = {
            "alertname": "CodeRunNotUpdated", "severity": "warning", "component": "coderun-exporter",
            "namespace": "agents", "coderun": run,
        }  # fmt: skip
        for since, until, active in episodes:
            server.write("ALERTS", 1, since, until, alertstate="firing", **labels)
            server.write("ALERTS_FOR_STATE", int(server.ago(active)), active, until, **labels)
    with server:
        yield server


def since(prometheus, file, title, chosen):
    """By run: the number of minutes since its alert began to fire."""
    results = run_queries(BOARDS[file], prometheus, chosen, seconds=0, time=prometheus.at, span="6h")
    (table,) = [each for each in results if each.panel.title == title]
    columns, rows = rows_of(table)
    (column,) = [each for each in columns if each.title == "Firing since"]
    return {
        row.get("coderun") or row["object"]: round((prometheus.at - row[column.name] / 1000) / 60, 1) for row in rows
    }


def test_firing_since_is_the_start_of_the_current_interval(prometheus):
    """A restart of Prometheus, an earlier interval, and the pending time do not count."""
    expected = {run: began for run, (_, began) in EPISODES.items()}
    found = since(prometheus, "agent-runs.json", "Firing alerts", {})
    assert found == {run: pytest.approx(began, abs=1) for run, began in expected.items()}
    for run, began in expected.items():
        chosen = {"namespace": "agents", "coderun": run}
        assert since(prometheus, "one-run.json", "Alerts that fire now", chosen) == {run: pytest.approx(began, abs=1)}
