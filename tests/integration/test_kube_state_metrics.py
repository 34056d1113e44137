"""The statements of docs/kube-state-metrics.md, tested with a real kube-state-metrics and the files of deploy/."""

import pathlib
import re
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import CLAUDE, PlatformNamespace
from lab.waiting import until
from tests.integration.state_metrics import EXPRESSIONS, FuturePrometheus, StateMetrics

pytestmark = [pytest.mark.needs("kube-state-metrics"), pytest.mark.timeout(120)]

MERGE_PATCH = "application/merge-patch+json"
DEADLINE = "coderun-exporter/job-creation-deadline"
GAUGE = {"type": "Gauge", "gauge": {"path": ["metadata", "annotations", DEADLINE]}}
OWNER = {"type": "Info", "info": {"path": ["metadata", "ownerReferences"], "labelsFromPath": {"owner_uid": ["uid"]}}}
KEYS = {"type": "Gauge", "gauge": {"path": ["data"], "labelFromKey": "key"}}

CRDS = {f"custom_resource_state_{each}_events_total" for each in ("add", "delete", "update")}
OWN_METRICS = CRDS | {"config_hash", "last_config_reload_success_timestamp_seconds", "last_config_reload_successful"}
OWN_METRICS |= {
    "build_info",
    "list_total",
    "watch_total",
    "shard_ordinal",
    "total_shards",
    "custom_resource_state_cache",
}

RUN_NAMES = {"new", "wrong", "leaving", "running", "over", "exited"}


@pytest.fixture(scope="module")
def platform(control_plane: ControlPlane) -> Iterator[PlatformNamespace]:
    """Runs with and without a Job, finished and unfinished. ConfigMaps that are healthy, empty, and without a key."""
    platform = PlatformNamespace(control_plane, f"ksm-{uuid.uuid4().hex[:8]}").open()
    platform.make_run("new")
    platform.make_run("wrong", spec={"contextVersion": "second", "taskId": {"is": "a map"}})
    _write(platform, "wrong", {"phase": 7, "jobName": "gone-job"})
    platform.make_run("leaving", finalizers=["example.com/held"])
    platform.delete_run("leaving")
    for name in ("running", "over", "exited"):
        platform.make_job(platform.make_run(name, spec={"contextVersion": 2}), labels={"github-user": "5dlabs-rex"})
        platform.start_job(f"{name}-job")
        status = {"phase": "Running", "jobName": f"{name}-job", "lastUpdate": "2026-01-01T00:00:00Z"}
        _write(platform, name, status | ({} if name == "running" else {"phase": "Succeeded", "workCompleted": True}))
    platform.finish_job("exited-job")
    for name, data in (
        (CLAUDE, {"a.sh": "#!/bin/sh", "b.sh": "#!/bin/sh"}),
        ("empty", {}),
        ("lacking", {"a.sh": ""}),
    ):
        platform.ask("POST", platform.config_maps, {"metadata": {"name": name}, "data": data})
    yield platform
    for held in (f"{platform.runs}/leaving", f"{platform.jobs}/again-job"):
        control_plane.request("PATCH", held, {"metadata": {"finalizers": None}}, content_type=MERGE_PATCH)
    platform.ask("DELETE", f"/api/v1/namespaces/{platform.namespace}")


@pytest.fixture(scope="module")
def metrics(
    control_plane: ControlPlane, platform: PlatformNamespace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StateMetrics]:
    """A kube-state-metrics that has read all objects."""
    with StateMetrics(control_plane, platform, tmp_path_factory.mktemp("ksm") / "ksm") as running:
        running.until_read("kube_job_info", "kube_coderun_created", 'configmap="lacking"')
        # Its response is incomplete while it reads the initial lists.
        until(
            lambda: set(_runs_with("created", _of_runs(running, platform))) == RUN_NAMES,
            what="all runs are in the metrics",
        )
        yield running


@pytest.fixture
def prometheus(metrics: StateMetrics, tmp_path: pathlib.Path) -> Iterator[FuturePrometheus]:
    """A Prometheus that has scraped all metrics."""
    with FuturePrometheus(tmp_path / "prometheus", metrics) as prometheus:
        until(
            lambda: prometheus.query("kube_coderun_created and on () kube_job_info"),
            what="Prometheus has the metrics",
        )
        yield prometheus


def test_the_metrics_of_runs_have_the_fields_of_the_runs(platform: PlatformNamespace, metrics: StateMetrics):
    """They are creation, phase, name of the Job, attempt, completion and deletion. A missing field has no series."""
    series = _of_runs(metrics, platform)
    assert set(_runs_with("created", series)) == RUN_NAMES
    phases = {f'{{coderun="running",phase="{each}"}}': 0.0 for each in ("Failed", "Pending", "Succeeded")}
    assert {key: series[f"kube_coderun_phase{key}"] for key in phases} == phases
    assert series['kube_coderun_phase{coderun="running",phase="Running"}'] == 1
    assert set(_runs_with("phase", series)) == {"running", "over", "exited"}
    assert series['kube_coderun_status_job{coderun="over",job_name="over-job"}'] == 1
    assert set(_runs_with("attempt", series)) == {"running", "over", "exited"}
    assert set(_runs_with("status_work_completed", series)) == {"over", "exited"}
    assert set(_runs_with("deletion_timestamp", series)) == {"leaving"}
    assert series['kube_coderun_status_last_update{coderun="running"}'] == 1767225600


def test_a_field_of_a_wrong_type_is_treated_as_missing(platform: PlatformNamespace, metrics: StateMetrics):
    """It may also become a label with the text that Go prints. Other fields of the run are exported."""
    wrong = {series for series in _of_runs(metrics, platform) if 'coderun="wrong"' in series}
    assert {series.partition("{")[0].removeprefix("kube_coderun_") for series in wrong} == {
        "created",
        "info",
        "status_job",
    }
    assert any('task_id="map[is:a map]"' in series for series in wrong)


def test_the_rules_detect_runs_without_a_job_and_unfinished_jobs(
    platform: PlatformNamespace, prometheus: FuturePrometheus
):
    """The alerts fire in time and have the name of the run. No healthy object has an alert."""
    in_namespace = f'{{namespace="{platform.namespace}"}}'
    names = {
        "KubeCodeRunWithoutJob": ("coderun", {"new", "wrong"}),
        "KubeAgentJobUnfinishedForLong": ("job_name", {"running-job", "over-job"}),
        "KubeCodeRunOverJobUnfinished": ("job_name", {"over-job"}),
    }
    for alert, (label, expected) in names.items():
        assert prometheus.found(_limit_to_namespace(alert, platform), label) == expected
        early = set() if "Over" not in alert else expected
        assert prometheus.found(_limit_to_namespace(alert, platform), label, hours=0.1) == early
    assert prometheus.found(EXPRESSIONS["KubeStateMetricsCannotRead"], "resource") == set()
    rex = f'kube_job_labels{{label_github_user="5dlabs-rex",namespace="{platform.namespace}"}}'
    active = f"kube_job_status_active * on (namespace, job_name) {rex} > 0"
    assert prometheus.found(active, "job_name") == {"running-job", "over-job"}
    named = f"kube_coderun_status_job{in_namespace} unless on (namespace, job_name) kube_job_info"
    assert prometheus.found(named, "job_name") == {"gone-job"}


def test_a_missing_configmap_is_detected(platform: PlatformNamespace, prometheus: FuturePrometheus):
    """The rule names the missing ConfigMaps."""
    expression = EXPRESSIONS["KubeAgentTemplatesMissing"]
    shared = CLAUDE.replace("claude", "shared")
    assert prometheus.found(expression.replace("agent-platform", "nowhere"), "configmap") == {CLAUDE, shared}
    assert prometheus.found(expression.replace("agent-platform", platform.namespace), "configmap") == {shared}


def test_the_content_of_a_configmap_is_unknown(platform: PlatformNamespace, metrics: StateMetrics):
    """An empty ConfigMap and one without a key have the series of a healthy one. Only time and version differ."""
    shapes = {}
    for name in (CLAUDE, "empty", "lacking"):
        found = metrics.about(f'namespace="{platform.namespace}",configmap="{name}"')
        shapes[name] = {series.partition("{")[0] for series in found}
        assert all(value == 1 for series, value in found.items() if "_info" in series)
    names = {"kube_configmap_info", "kube_configmap_created", "kube_configmap_metadata_resource_version"}
    assert shapes == dict.fromkeys((CLAUDE, "empty", "lacking"), names)


def test_a_job_of_an_earlier_run_with_the_same_name_hides_a_missing_job(
    platform: PlatformNamespace, metrics: StateMetrics, prometheus: FuturePrometheus
):
    """The old Job has a finalizer. The new run seems to have a Job, because owners have a name and no UID."""
    old = platform.make_run("again")
    platform.make_job(old, finalizers=["example.com/held"])
    platform.delete_run("again")
    until(
        lambda: "deletionTimestamp" in platform.ask("GET", f"{platform.jobs}/again-job")["metadata"],
        what="the garbage collector deletes it",
    )
    new = platform.make_run("again")
    assert new["metadata"]["uid"] != old["metadata"]["uid"]
    until(lambda: metrics.about(new["metadata"]["uid"]), what="the metrics have the new run")
    until(
        lambda: prometheus.query(f'kube_coderun_info{{uid="{new["metadata"]["uid"]}"}}'),
        what="Prometheus has the new run",
    )
    owners = metrics.about(f'kube_job_owner{{namespace="{platform.namespace}",job_name="again-job"')
    assert [re.findall(r"(\w+)=", series) for series in owners] == [
        ["namespace", "job_name", "owner_kind", "owner_name", "owner_is_controller"]
    ]
    assert "again" not in prometheus.found(_limit_to_namespace("KubeCodeRunWithoutJob", platform), "coderun")


def test_a_deleted_job_has_no_series(platform: PlatformNamespace, metrics: StateMetrics):
    """Its end and its duration are lost, and no counter or histogram contains them."""
    platform.make_job(platform.make_run("brief"))
    platform.start_job("brief-job")
    platform.finish_job("brief-job")
    until(
        lambda: metrics.about(f'kube_job_complete{{namespace="{platform.namespace}",job_name="brief-job"'),
        what="its end",
    )
    platform.delete_job("brief-job")
    until(
        lambda: not metrics.about(f'namespace="{platform.namespace}",job_name="brief-job"'), what="it has no series"
    )
    assert not [series for series in metrics.about() if re.match(r"kube_\w+_(bucket|total)\b", series)]


def test_a_stalled_watch_is_not_detected(control_plane: ControlPlane, metrics: StateMetrics):
    """While the API server is stopped, no sample changes. No metric has the last sync or unreadable resources."""
    control_plane.freeze_api_server()
    try:
        time.sleep(0.5)  # for events in transit
        before = metrics.about("kube_"), metrics.about("kube_state_metrics_", own=True)
        time.sleep(3)
        assert (metrics.about("kube_"), metrics.about("kube_state_metrics_", own=True)) == before
        assert metrics.code("/readyz") == 200
    finally:
        control_plane.freeze_api_server(frozen=False)
    assert {re.sub(r"\{.*", "", series).removeprefix("kube_state_metrics_") for series in before[1]} == OWN_METRICS


def test_without_permission_for_jobs_it_is_ready_and_all_runs_seem_to_lack_a_job(
    control_plane: ControlPlane, platform: PlatformNamespace, tmp_path: pathlib.Path
):
    """The missing permission is counted on its second port. The rule reports runs without Jobs."""
    with StateMetrics(control_plane, platform, tmp_path / "limited", without="jobs") as limited:
        limited.until_read("kube_coderun_created")
        failed = 'kube_state_metrics_list_total{resource="*v1.Job",result="error"}'
        until(lambda: limited.about(own=True).get(failed, 0) > 1, what="the list was denied")
        assert limited.code("/readyz") == 200
        assert limited.about("kube_job_") == {}
        with FuturePrometheus(tmp_path / "prometheus", limited) as prometheus:
            until(lambda: prometheus.query("kube_coderun_created"), what="Prometheus has the metrics")
            assert "running" in prometheus.found(_limit_to_namespace("KubeCodeRunWithoutJob", platform), "coderun")
            expression = EXPRESSIONS["KubeStateMetricsCannotRead"]
            until(
                lambda: prometheus.found(expression, "resource", hours=0) == {"*v1.Job"},
                what="the rule finds the missing permission",
            )


def test_the_limits_of_its_configuration(
    control_plane: ControlPlane, platform: PlatformNamespace, tmp_path: pathlib.Path
):
    """Owners of Jobs have no UID, ConfigMaps no keys, 30m is 0.03, and the last entry of a kind is used."""
    for name, text in (("plain", "1800"), ("minutes", "30m"), ("none", "none"), ("hours", "1h30m")):
        platform.make_run(name, annotations={DEADLINE: text})
    more = [
        _resource("agents.platform", "CodeRun", "limits", GAUGE),
        _resource("batch", "Job", "owners", OWNER),
        _resource("", "ConfigMap", "keys", KEYS),
    ]
    with StateMetrics(control_plane, platform, tmp_path / "more", more=more) as metrics:
        metrics.until_read("kube_job_info", 'configmap="lacking"')
        until(
            lambda: "group is required in the defined GVK /v1, Kind=ConfigMap" in metrics.log(),
            what="the log has the error",
        )
        time.sleep(4)  # its next discovery, after which other resources would be read
        assert metrics.about("owners_") | metrics.about("keys_") == {}
        found = metrics.about(f'",namespace="{platform.namespace}"}}')
        limits = {re.findall(r'name="(\w+)"', series)[0]: value for series, value in found.items()}
        assert limits == {"plain": 1800, "minutes": 0.03}
        assert metrics.about("kube_coderun_") == {}


def _limit_to_namespace(alert: str, platform: PlatformNamespace) -> str:
    """The expression of an alert, limited to this namespace."""
    return f'({EXPRESSIONS[alert]}) and on (namespace) kube_coderun_created{{namespace="{platform.namespace}"}}'


def _resource(group: str, kind: str, prefix: str, each: dict[str, Any]) -> dict[str, Any]:
    labels = {"namespace": ["metadata", "namespace"], "name": ["metadata", "name"]}
    metric = {"name": "more", "help": "More.", "each": each}
    gvk = {"group": group, "version": "v1", "kind": kind}
    return {"groupVersionKind": gvk, "metricNamePrefix": prefix, "labelsFromPath": labels, "metrics": [metric]}


def _of_runs(metrics: StateMetrics, platform: PlatformNamespace) -> dict[str, float]:
    """The series of the runs in this namespace, without the label `namespace`."""
    found = metrics.about(f'namespace="{platform.namespace}"').items()
    in_namespace = {series: value for series, value in found if series.startswith("kube_coderun_")}
    return {series.replace(f',namespace="{platform.namespace}"', ""): value for series, value in in_namespace.items()}


def _runs_with(name: str, series: dict[str, float]) -> list[str]:
    """The names of the runs in a family."""
    return [re.findall(r'coderun="([^"]*)"', each)[0] for each in series if each.startswith(f"kube_coderun_{name}{{")]


def _write(platform: PlatformNamespace, run: str, status: dict[str, Any]) -> None:
    platform.patch(f"{platform.runs}/{run}/status", {"status": status})
