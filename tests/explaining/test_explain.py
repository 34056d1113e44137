"""The command `explain`: from a dump, a cluster and a running exporter."""

import json
import pathlib
from urllib.parse import unquote_plus

import pytest
import yaml

from tests.clusters import a_configmap, a_job, a_run, a_server, a_status, until
from tests.commands.in_process import call, call_in_thread, wrong
from tests.explaining.objects import NS, PENDING, RUNNING, a_dump, explain
from tests.exporting import an_exporter

DUMPS = pathlib.Path(__file__).parents[1] / "diagnosis/dumps"


async def test_a_run_of_a_cluster(tmp_path):
    """The cause comes first, then the chain of objects. The exit code is that of a fault."""
    async with a_server(*PENDING) as server:
        code, out, err = await explain(server, tmp_path, f"{NS}/r")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert "Cause:       pod_configmap_missing" in lines
    assert "  Next:      kubectl -n agent-platform get configmap task-files" in lines
    assert [line.split()[:2] for line in lines if line.startswith("  ") and "AGE" not in line][-5:-1] == [
        ["CodeRun", "r"],
        ["Job", "j"],
        ["Pod", "p"],
        ["main", "agent"],
    ]


async def test_for_one_run_only_related_objects_are_read(tmp_path):
    """The API server selects its Pods and Events."""
    async with a_server(*PENDING) as server:
        seen = []

        async def record(request):
            seen.append(f"{request.path}?{request.query_string}")

        server.intercept = record
        await explain(server, tmp_path, f"{NS}/r")
    assert not [one for one in seen if "watch" in one]
    assert all("fieldSelector=" in one for one in seen if "/coderuns" in one or "/events" in one)
    assert all("labelSelector=job-name in (j)&" in unquote_plus(one) for one in seen if "/pods" in one), seen


async def test_all_open_runs_are_listed_by_severity(tmp_path):
    """They are rows of a table, which is followed by the next command for the first run."""
    healthy = a_run("healthy", status=RUNNING)
    job = a_job("h", run="healthy", status={"active": 1, "ready": 1, "startTime": "2099-01-01T00:00:00Z"})
    async with a_server(healthy, job, *PENDING) as server:
        code, out, _ = await explain(server, tmp_path)
    rows = [line.split() for line in out.splitlines()]
    assert code == 1
    assert rows[0][:5] == ["NAMESPACE", "NAME", "STATE", "AGE", "CAUSE"]
    assert [row[1] for row in rows[1:3]] == ["r", "healthy"]
    assert "Next: kubectl -n agent-platform get configmap task-files" in out


@pytest.mark.parametrize("name", ["j", f"{NS}/j", f"{NS}/r"])
async def test_the_name_of_a_job_explains_its_run(tmp_path, name):
    """Alerts name Jobs."""
    async with a_server(*PENDING) as server:
        code, out, _ = await explain(server, tmp_path, name, "-o", "json")
    assert (code, json.loads(out)["name"]) == (1, "r")


async def test_a_missing_permission_is_named(tmp_path):
    """The cause is unknown then: a list that was not read is not an empty list."""
    async with a_server(*PENDING) as server:

        async def refuse(request):
            return a_status(403, "forbidden") if request.path.endswith(("/pods", "/events")) else None

        server.intercept = refuse
        code, out, _ = await explain(server, tmp_path, f"{NS}/r", "-o", "yaml")
    run = yaml.safe_load(out)
    assert run["findings"][0]["cause"] == "cannot_tell"
    assert run["findings"][0]["evidence"].startswith("Pods in namespace agent-platform were not read")
    assert any("grant the verb list for pods in namespace agent-platform" in note for note in run["notes"])
    assert code == 2  # it runs for long, but whether it works is unknown


async def test_incident_1_is_explained_by_its_configmap(tmp_path):
    """The run is being deleted, has a finalizer, and a required ConfigMap is missing."""
    run = a_run("r", finalizers=["coderuns.orchestrator.io/finalizer"], creationTimestamp="2026-01-01T00:00:00Z")
    healthy_configmaps = [
        a_configmap(f"controller-agent-templates-{name}", a="x")
        for name in ("codex", "cursor", "factory", "integration", "shared")
    ]
    async with a_server(run, *healthy_configmaps) as server:
        code, out, _ = await explain(server, tmp_path, "r", "-o", "json")
    first = json.loads(out)["findings"][0]
    assert code == 1
    assert first["cause"] == "configmap_missing"
    assert first["evidence"] == f"{NS}/controller-agent-templates-claude"


async def test_a_run_that_does_not_exist(tmp_path):
    """The exit code is 2, and the error is one line."""
    async with a_server() as server:
        assert await explain(server, tmp_path, "x") == (
            2,
            "",
            "coderun-exporter: x: no run, Job or Pod of this name\n",
        )


async def test_a_cluster_without_the_crd(tmp_path):
    """The error line names the resource."""
    async with a_server(crds=()) as server:
        code, out, err = await explain(server, tmp_path)
    assert (code, out) == (2, "")
    assert "coderuns" in err


async def test_from_a_running_exporter(tmp_path):
    """The output is the same, and no kubeconfig is needed."""
    async with a_server(*PENDING) as server, an_exporter(server.url, tmp_path) as app:
        await until(app.health.is_ready)
        await until(lambda: app.store.cache.events_about("uid-p"))
        code, out, err = await call_in_thread("explain", "--from", app.url, f"{NS}/r", "-o", "json")
        listed = await call_in_thread("explain", "--from", app.url)
        missing = await call_in_thread("explain", "--from", app.url, "x")
        other = await call_in_thread("explain", "--from", f"{app.url}/metrics", "x")
    assert (code, err) == (1, "")
    assert json.loads(out)["workers"][0]["pods"][0]["name"] == "p"
    assert listed[0] == 1
    assert missing[2].startswith(f"coderun-exporter: {app.url}: x: no run, Job or Pod of this name; runs that ended")
    assert other[0] == 2
    assert other[2].count("\n") == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--from", "x:1"], "--from: 'x:1' is not a URL: it must begin with http:// or https://"),
        (["--from", "http://a:b@x"], "--from: no user in the URL: use --user and --password-file"),
        (["--from", "http://x", "-f", "y"], "--from: not with --filename"),
        (["-f", "y", "--watch"], "--watch: not with --filename, which does not change"),
        (["--at", "now"], "--at: only with --filename"),
        (["--token-file", "x"], "--token-file: only with --from"),
        (["-f", "y", "--context", "c"], "--context: not with --filename, which reads no cluster"),
        (["-f", str(DUMPS / "istio.yaml"), "--at", "now"], "--at: 'now' is not a time, such as 2026-03-02T09:30:00Z"),
        (["-o", "wide"], "--output: 'wide' is not one of text, json, yaml; see coderun-exporter explain --help"),
        (["--from", "http://127.0.0.1:1"], "http://127.0.0.1:1: cannot connect: Connection refused"),
    ],
)
def test_wrong_flags_are_one_line(args, message):
    """The line says what is valid."""
    assert wrong("explain", *args).startswith(message)


def test_an_ambiguous_name_is_an_error(tmp_path):
    """One line lists the objects with this name."""
    other = a_run("r", namespace="other", status=RUNNING)
    dump = a_dump(tmp_path, [*PENDING, other])
    assert wrong("explain", "-f", dump, "r") == f"r: several have this name: {NS}/r, other/r"


async def test_a_namespace_is_given_as_in_kubectl(tmp_path):
    """`-n` applies to a name and to the list."""
    other = a_run("r", namespace="other", status=RUNNING)
    dump = a_dump(tmp_path, [*PENDING, other])
    assert call("explain", "-f", dump, "r", "-n", NS)[0] == 1
    assert "pod_configmap_missing" not in call("explain", "-f", dump, "-n", "other")[1]
    assert wrong("explain", "-f", dump, "-n", "a", "b/r") == "-n: not with another namespace"
    async with a_server(*PENDING) as server:
        assert (await explain(server, tmp_path, "-n", NS, "r"))[0] == 1
        assert "No open runs found." in (await explain(server, tmp_path, "-n", "empty"))[1]


def test_ages_are_relative_to_the_newest_time_or_to_at():
    """A note names the newest time if --at is not given."""
    _, out, _ = call("explain", "-f", DUMPS / "istio.yaml", "istio")
    assert "Note: Ages are as of 2026-03-02T09:30:00Z, the newest time in the dump; --at sets another" in out
    _, out, _ = call("explain", "-f", DUMPS / "istio.yaml", "istio", "--at", "2026-03-02T10:30:00+01:00")
    assert "Note" not in out
    assert "Created:     2026-03-02T09:00:00Z (30m ago)" in out


@pytest.mark.parametrize("owner", ["Job", "Workflow"])
def test_jobs_or_pods_without_a_run_are_explained(tmp_path, owner):
    """Jobs and Pods of Argo, Tekton or a CronJob have no profile."""
    job, pod = (json.loads(json.dumps(one)) for one in PENDING[1:3])
    del job["metadata"]["ownerReferences"]
    if owner == "Workflow":
        pod["metadata"]["ownerReferences"][0] |= {"kind": owner, "apiVersion": "argoproj.io/v1alpha1", "uid": "w"}
    objects = [pod, PENDING[3], *([job] if owner == "Job" else [])]
    code, out, _ = call("explain", "-f", a_dump(tmp_path, objects), "-o", "json")
    (run,) = json.loads(out)["items"]
    assert (code, run["name"], run["findings"][0]["cause"]) == (
        1,
        {"Job": "j"}.get(owner, "p"),
        "pod_configmap_missing",
    )
