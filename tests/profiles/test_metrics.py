"""The metrics of runs of other platforms."""

import pytest

from exporter.cache import CODERUNS, JOBS, Change
from exporter.config import CodeRuns, ConfigMaps, Settings
from exporter.informers import kinds_of
from tests.clusters import a_server, until
from tests.exporting import an_exporter, metrics_of, readiness
from tests.harness import StoreHarness, samples
from tests.objects import CREATED, a_job
from tests.profiles.listed import ListedExporter, a_settings
from tests.profiles.platform_objects import PlatformObjects, expected
from tests.profiles.test_platforms import PLATFORMS

NO_CONFIGMAPS = ConfigMaps(required=())


def exposition_of(folder, names):
    """The exposition of the objects in a directory, read with these shipped profiles."""
    objects = PlatformObjects(folder, names, now=CREATED + 60)
    harness = StoreHarness(now=CREATED + 60)
    for item in objects.objects:
        if item["apiVersion"] == "batch/v1" and item["kind"] == "Job":
            record, table, part = objects.job(item), JOBS, "*"
        elif (kind := objects.kind_of(item)) is not None:
            record, table, part = objects.run(item), CODERUNS, f"{kind.resource}/*"
        else:
            continue
        if record is not None:
            harness.store.apply(Change(table, part, record.uid, record))
    return harness.text()


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        ("kubeopencode", ["tasks.kubeopencode.io"]),
        ("agent-sandbox", ["sandboxes.agents.x-k8s.io"]),
        ("kelos", ["tasks.kelos.dev"]),
    ],
)
def test_an_open_run_has_the_worker_that_its_platform_creates(folder, names):
    """It is a Job or Pod that the run controls or names, or is missing. A waiting run is not missing one."""
    objects = PlatformObjects(folder, names, now=CREATED).objects
    exporter = ListedExporter(a_settings(*names), *objects, now=CREATED)
    has_worker = {own["coderun"]: own["job_name"] != "" for own, _ in exporter.values("coderun_job_name")}
    lacking = {own["coderun"] for own, _ in exporter.values("coderun_without_job_since_timestamp_seconds")}
    for item in objects:
        name, wanted = item["metadata"]["name"], expected(item)
        if item["kind"] in {"Task", "Sandbox"} and wanted["state"] == "open":
            assert has_worker[name] == (wanted["worker"] != "none"), name
            assert (name in lacking) == (wanted["worker"] == "none"), name
        elif item["kind"] in {"Task", "Sandbox"} and wanted["state"] == "waiting":
            assert name not in lacking, name


def test_a_run_whose_worker_run_is_not_watched_is_not_reported_without_a_job():
    """Its worker is a run of a kind that the settings do not contain. Its other metrics are exposed."""
    names = ["sandboxclaims.extensions.agents.x-k8s.io"]
    page = exposition_of("agent-sandbox", names)
    assert samples(page, "coderun_state", "coderun_info")
    of_jobs = ("without_job_since_timestamp_seconds", "stall_cause", "job_creation_deadline_seconds")
    assert samples(page, "coderun_job_name", *(f"coderun_{name}" for name in of_jobs)) == []


def test_coderun_ready_is_exposed_for_open_runs():
    """Its detail is the message. Runs that wait or have finished, and kinds without `ready`, have no such series."""
    page = exposition_of("agent-sandbox", PLATFORMS["agent-sandbox"])
    ready = {line.split('"')[3]: line.partition(",detail=")[2] for line in samples(page, "coderun_ready")}
    assert ready["old-and-ready"] == '""} 1'
    assert ready["s-two"] == '"2 pods are controlled by this Sandbox"} 0'
    assert ready["sandboxclaim/s-no-status"] == '""} 0'
    assert not {"suspended", "done", "broke", "expired"} & set(ready)
    assert samples(exposition_of("kubeopencode", PLATFORMS["kubeopencode"]), "coderun_ready") == []


def test_a_kelos_task_has_its_job_and_a_task_of_a_pool_is_not_reported_without_one():
    """The spec of a Task determines its worker."""
    page = exposition_of("kelos", ["tasks.kelos.dev"])
    jobs = {line.split('"')[3]: line.split('"')[5] for line in samples(page, "coderun_job_name")}
    assert jobs["long-migration"] == "long-migration"
    assert not [name for name in jobs if name.startswith("pool-")]
    assert 'agent="migrations"' in next(line for line in samples(page, "coderun_info") if "long-migration" in line)


def test_a_job_that_is_a_run_has_only_the_families_of_jobs():
    """It is selected by its labels. Other Jobs are not exposed."""
    page = exposition_of("plain-jobs", ["jobs.batch", "buildkite"])
    info = {line.split('"')[3]: line for line in samples(page, "job_info")}
    assert 'agent="triage",service="",task_id="",cli="claude"' in info["nightly-triage-29500000"]
    assert 'agent="shop",service="",task_id="claude",cli=""' in info["buildkite-0192"]
    assert "db-backup" not in info
    assert samples(page, "coderun_state") == []


async def test_with_profiles_of_plain_jobs_only_jobs_are_watched(tmp_path):
    """The exporter is ready without any custom resource and does not request one."""
    job = a_job(owners=[], labels={"app.kubernetes.io/managed-by": "agents", "agent": "triage"})
    other = a_job(owners=[], name="other", uid="other")
    kinds = CodeRuns(kinds=("jobs.batch",))
    async with (
        a_server(job, other) as server,
        an_exporter(server.url, tmp_path, configmaps=NO_CONFIGMAPS, coderuns=kinds) as app,
    ):
        await until(app.health.is_ready)
        assert (await readiness(app))[0] == 200
        page = await metrics_of(app)
        assert page.values("job_info", agent="triage") == [1]
        assert len(page.values("job_active")) == 1
        assert not [request for request in server.requests if "coderuns" in str(request)]


def test_profiles_of_plain_jobs_are_not_listed_separately():
    """The list of Jobs contains them. The first of the other kinds is the main kind."""
    kinds = kinds_of(Settings(coderuns=CodeRuns(kinds=("jobs.batch", "tasks.kelos.dev", "docsruns.agents.platform"))))
    assert [(kind.resource, kind.primary) for kind in kinds] == [
        ("tasks.kelos.dev", True),
        ("docsruns.agents.platform", False),
    ]
