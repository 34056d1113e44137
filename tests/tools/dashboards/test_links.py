"""Links from the tables of runs to the dashboard of one run, with several clusters and unusual names."""

import time

import pytest

from tests.tools.dashboards.links import expand_link, link_target
from tests.tools.dashboards.recorded_prometheus import RecordedPrometheus
from tools.dashboards.board import ONE_RUN
from tools.dashboards.generate import boards
from tools.dashboards.querying import run_queries
from tools.dashboards.reading import panels_of
from tools.dashboards.tables import rows_of

pytestmark = [pytest.mark.needs("prometheus", "promtool"), pytest.mark.timeout(120)]

BOARDS = boards()
CLUSTERS = ("east", "west (old)&var-coderun=none#+%", "")
ODD_NAME = "docsrun/a b&var-namespace=x#y?%+z"
TABLES = ("Runs without a Job", "Jobs that need attention", "Failed runs")


def write_runs(prometheus, cluster):
    """A stalled run, a run with a Job above its limit, and a failed run. They have the same names in each cluster."""
    place = {"namespace": "agents"} | ({"cluster": cluster} if cluster else {})
    for name, state, job in ((ODD_NAME, "open", ""), ("hangs", "open", "job"), ("failed", "failed", "")):
        of = place | {"coderun": name}
        prometheus.write("coderun_created_timestamp", prometheus.ago(150), 150, **of)
        prometheus.write("coderun_info", 1, 150, agent="rex", uid=f"{cluster}/{name}", **of)
        prometheus.write("coderun_state", 1, 150, state=state, **of)
        prometheus.write("coderun_phase", 1, 150, phase=state, **of)
        prometheus.write("coderun_job_creation_deadline_seconds", 600, 150, **of)
        prometheus.write("coderun_job_name", 1, 150, job_name=job, **of)
    of = place | {"job_name": "job"}
    prometheus.write("job_created_timestamp", prometheus.ago(140), 140, **of)
    prometheus.write("job_start_time", prometheus.ago(140), 140, **of)
    prometheus.write("job_info", 1, 140, agent="rex", coderun="hangs", uid=f"{cluster}/job", **of)
    prometheus.write("job_max_runtime_seconds", 3600, 140, **of)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """A Prometheus with the runs of two clusters and of none."""
    server = RecordedPrometheus(tmp_path_factory.mktemp("links") / "server", at=time.time() // 60 * 60)
    for cluster in CLUSTERS:
        write_runs(server, cluster)
    with server:
        yield server


def address_of(column, columns, row):
    """The URL of the link in a cell."""
    ((_, url),) = [(link["title"], link["url"]) for link in column.settings["links"]]
    return expand_link(url, {each.title: str(row[each.name]) for each in columns if each.name in row})


@pytest.mark.parametrize("title", TABLES)
def test_the_link_of_a_row_leads_to_its_run(prometheus, title):
    """It selects the cluster, the namespace and the time range. Objects of other clusters are not shown."""
    results = run_queries(BOARDS["agent-runs.json"], prometheus, {}, seconds=0, time=prometheus.at)
    (table,) = [each for each in results if each.panel.title == title]
    columns, rows = rows_of(table)
    assert {row.get("cluster", "") for row in rows} == set(CLUSTERS)
    (column,) = [each for each in columns if each.linked]
    for row in rows:
        uid, chosen, since = link_target(address_of(column, columns, row))
        cluster, run = row.get("cluster", ""), row["coderun"]
        assert (uid, since) == (ONE_RUN, "now-3h")
        assert chosen == {
            "datasource": "prometheus", "cluster": [cluster], "namespace": "agents", "coderun": run,
        }  # fmt: skip
        shown = run_queries(BOARDS["one-run.json"], prometheus, chosen, seconds=0, time=prometheus.at, span="3h")
        (about,) = [each for each in shown if each.panel.title == "Description"]
        assert [found["uid"] for found in rows_of(about)[1]] == [f"{cluster}/{run}"]


@pytest.mark.parametrize("file", BOARDS)
def test_links_encode_all_fields(file):
    """Only the name of an alert is not encoded, because the rules define it."""
    links = [
        link["url"]
        for panel in panels_of(BOARDS[file])
        for override in panel.tree.get("fieldConfig", {}).get("overrides", ())
        for setting in override["properties"]
        if setting["id"] == "links"
        for link in setting["value"]
    ]
    assert links
    for url in links:
        assert url == "${runbooks}/${__value.text}" or url.count("${__data.fields.") == url.count(":percentencode}")
