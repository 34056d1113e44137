"""The command `explain`: from a dump, a cluster and a running exporter."""

import json
import pathlib
import types

import pytest
import yaml

from exporter.explaining import output, paint
from tests.clusters import a_configmap, a_job, a_run, a_server, a_status, until
from tests.commands.in_process import call, call_in_thread, wrong
from tests.exporting import an_exporter
from tests.kube.settings import a_kubeconfig

DUMPS = pathlib.Path(__file__).parents[1] / "diagnosis/dumps"
NS = "agent-platform"
RUNNING = {"phase": "Running"}
ESCAPES = "\x1b]0;owned\x07\x1b[31mred\u202e\u0007\ud800"


def a_pod(name="p", *, job="j", state=None):
    """A Pod of a Job."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": f"uid-{NS}-{job}", "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": NS,
            "uid": f"uid-{name}",
            "labels": {"job-name": job},
            "ownerReferences": [owner],
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"nodeName": "n1", "containers": [{"name": "agent", "image": "i"}]},
        "status": {"phase": "Pending", "containerStatuses": [{"name": "agent", "state": state or {}}]},
    }


def an_event(about, note, reason="FailedMount"):
    """A warning about an object."""
    meta = about["metadata"]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{meta['name']}.1", "namespace": NS, "uid": f"e-{meta['uid']}"},
        "type": "Warning",
        "reason": reason,
        "note": note,
        "regarding": {"kind": about["kind"], "namespace": NS, "name": meta["name"], "uid": meta["uid"]},
        "deprecatedLastTimestamp": "2026-01-01T00:05:00Z",
    }


POD = a_pod(state={"waiting": {"reason": "ContainerCreating"}})
PENDING = (
    a_run("r", status=RUNNING),
    a_job("j", status={"active": 1, "ready": 0, "startTime": "2026-01-01T00:00:00Z"}),
    POD,
    an_event(POD, 'MountVolume.SetUp failed for volume "v" : configmap "task-files" not found'),
)


async def explain(server, folder, *words):
    """The command against a server."""
    kubeconfig = a_kubeconfig(folder, cluster={"server": server.url})
    return await call_in_thread("explain", "--kubeconfig", kubeconfig, *words)


def a_dump(folder, text, name="dump.json"):
    """A file with this text, or these objects."""
    path = folder / name
    if isinstance(text, list):
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": text})
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


async def test_a_run_of_a_cluster(tmp_path):
    """Cause on top, the chain below, and the exit code of a fault."""
    async with a_server(*PENDING) as server:
        code, out, err = await explain(server, tmp_path, f"{NS}/r")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert "Cause:       pod_configmap_missing" in lines
    assert "  Next:      kubectl -n agent-platform get configmaps" in lines
    assert [line.split()[:2] for line in lines if line.startswith("  ") and "AGE" not in line][-5:-1] == [
        ["CodeRun", "r"],
        ["Job", "j"],
        ["Pod", "p"],
        ["main", "agent"],
    ]


async def test_for_one_run_little_more_than_its_own_objects_is_read(tmp_path):
    """Its Pods and Events are selected by the API server."""
    async with a_server(*PENDING) as server:
        seen = []

        async def record(request):
            seen.append(f"{request.path}?{request.query_string}")

        server.intercept = record
        await explain(server, tmp_path, f"{NS}/r")
    assert not [one for one in seen if "watch" in one]
    assert all("fieldSelector=" in one for one in seen if "/coderuns" in one or "/events" in one)
    assert all("job-name%3Dj" in one for one in seen if "/pods" in one)


async def test_all_open_runs_the_worst_first(tmp_path):
    """A table, and the next command for the worst."""
    healthy = a_run("healthy", status=RUNNING)
    job = a_job("h", run="healthy", status={"active": 1, "ready": 1, "startTime": "2099-01-01T00:00:00Z"})
    async with a_server(healthy, job, *PENDING) as server:
        code, out, _ = await explain(server, tmp_path)
    rows = [line.split() for line in out.splitlines()]
    assert code == 1
    assert rows[0][:5] == ["NAMESPACE", "NAME", "STATE", "AGE", "CAUSE"]
    assert [row[1] for row in rows[1:3]] == ["r", "healthy"]
    assert "Next: kubectl -n agent-platform get configmaps" in out


@pytest.mark.parametrize("name", ["j", f"{NS}/j", f"{NS}/r"])
async def test_a_job_stands_for_its_run(tmp_path, name):
    """As an alert names it."""
    async with a_server(*PENDING) as server:
        code, out, _ = await explain(server, tmp_path, name, "-o", "json")
    assert (code, json.loads(out)["name"]) == (1, "r")


async def test_what_may_not_be_read_is_named_with_the_permission(tmp_path):
    """And the cause is unknown: an unknown is not a no."""
    async with a_server(*PENDING) as server:

        async def refuse(request):
            return a_status(403, "forbidden") if request.path.endswith(("/pods", "/events")) else None

        server.intercept = refuse
        code, out, _ = await explain(server, tmp_path, f"{NS}/r", "-o", "yaml")
    run = yaml.safe_load(out)
    assert run["findings"][0]["cause"] == "cannot_tell"
    assert run["findings"][0]["evidence"].startswith("Pods in namespace agent-platform were not read")
    assert any("grant the verb list for pods in namespace agent-platform" in note for note in run["notes"])
    assert code == 1  # that it runs for so long is a fault


async def test_incident_1_is_explained_by_its_configmap(tmp_path):
    """A run with a finalizer and nothing else."""
    run = a_run("r", finalizers=["coderuns.orchestrator.io/finalizer"], creationTimestamp="2026-01-01T00:00:00Z")
    whole = [
        a_configmap(f"controller-agent-templates-{name}", a="x")
        for name in ("codex", "cursor", "factory", "integration", "shared")
    ]
    async with a_server(run, *whole) as server:
        code, out, _ = await explain(server, tmp_path, "r", "-o", "json")
    first = json.loads(out)["findings"][0]
    assert code == 1
    assert first["cause"] == "configmap_missing"
    assert first["evidence"] == f"{NS}/controller-agent-templates-claude"


async def test_a_run_that_does_not_exist(tmp_path):
    """One line, and exit code 2."""
    async with a_server() as server:
        assert await explain(server, tmp_path, "x") == (
            2,
            "",
            "coderun-exporter: x: no run, Job or Pod of this name\n",
        )


async def test_a_cluster_without_the_crd(tmp_path):
    """The line names the resource."""
    async with a_server(crds=()) as server:
        code, out, err = await explain(server, tmp_path)
    assert (code, out) == (2, "")
    assert "coderuns" in err


async def test_from_a_running_exporter(tmp_path):
    """The same answer, without a kubeconfig."""
    async with a_server(*PENDING) as server, an_exporter(server.url, tmp_path) as app:
        await until(app.health.is_ready)
        await until(lambda: len(app.store.cache.pods))
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
    ("words", "message"),
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
def test_wrong_flags_are_one_line(words, message):
    """That says what would be right."""
    assert wrong("explain", *words).startswith(message)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no Kubernetes objects"),
        (b"\x1f\x8b\x08", "compressed by gzip"),
        ("{}".encode("utf-16"), "not UTF-8 text; in PowerShell"),
        (b'{"apiVersion": "v1", "kind": "Li', "cut before the end of its first object"),
        (b"[1, 2]", "expected Kubernetes objects, found list"),
        (b"error: the server doesn't have a resource type\n", "no Kubernetes objects"),
        (b"a: [", "line 2: not YAML"),
    ],
)
def test_a_file_that_is_no_dump_is_one_line(tmp_path, data, message):
    """With its name."""
    path = a_dump(tmp_path, data)
    assert wrong("explain", "-f", path).startswith(f"{path}: {message}")


def test_a_cut_dump_explains_what_it_has(tmp_path):
    """And says so."""
    text = json.dumps({"apiVersion": "v1", "items": list(PENDING) * 3, "kind": "List"}, indent=1)
    code, out, _ = call("explain", "-f", a_dump(tmp_path, text[: len(text) // 2]), f"{NS}/r")
    assert code == 1
    assert "is cut: only its first" in out
    assert "pod_configmap_missing" in out


def test_several_files_are_one_dump(tmp_path):
    """`kubectl get` once for each kind."""
    files = [a_dump(tmp_path, [one], f"{number}.json") for number, one in enumerate(PENDING)]
    words = [word for file in files for word in ("-f", file)]
    assert "pod_configmap_missing" in call("explain", *words, "r")[1]


def test_a_name_that_several_have_is_an_error_that_lists_them(tmp_path):
    """One line."""
    other = a_run("r", namespace="other", status=RUNNING)
    dump = a_dump(tmp_path, [*PENDING, other])
    assert wrong("explain", "-f", dump, "r") == f"r: several have this name: {NS}/r, other/r"


async def test_a_namespace_is_given_as_in_kubectl(tmp_path):
    """For a name, and for the list."""
    other = a_run("r", namespace="other", status=RUNNING)
    dump = a_dump(tmp_path, [*PENDING, other])
    assert call("explain", "-f", dump, "r", "-n", NS)[0] == 1
    assert "pod_configmap_missing" not in call("explain", "-f", dump, "-n", "other")[1]
    assert wrong("explain", "-f", dump, "-n", "a", "b/r") == "-n: not with another namespace"
    async with a_server(*PENDING) as server:
        assert (await explain(server, tmp_path, "-n", NS, "r"))[0] == 1
        assert "No open runs found." in (await explain(server, tmp_path, "-n", "empty"))[1]


def test_text_of_a_cluster_is_not_obeyed_by_a_terminal(tmp_path, monkeypatch):
    """No control character of any object reaches it, with colors on as well."""
    run = a_run("r", status={"phase": f"Failed{ESCAPES}", "message": ESCAPES})
    pod = a_pod(f"p{ESCAPES}", state={"waiting": {"reason": f"ErrImagePull{ESCAPES}", "message": ESCAPES}})
    event = an_event(pod, ESCAPES, reason=ESCAPES)
    dump = a_dump(tmp_path, [run, *PENDING[1:2], pod, event])
    for words in ([], ["r"], ["-o", "json"], ["-o", "yaml"], ["r", "-o", "json"]):
        for color in (False, True):
            monkeypatch.setattr(output, "paint_for", lambda _, color=color: paint._colored if color else paint.plain)
            _, out, _ = call("explain", "-f", dump, *words)
            for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[32m", "\x1b[31;1m"):
                out = out.replace(code, "")
            assert [char for char in out if not char.isprintable() and char != "\n"] == []


def test_objects_of_hostile_shapes_are_survived(tmp_path):
    """Types that are wrong, owner loops, long names, fifty containers and more: the others are explained."""
    bad = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": []},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": 7, "ownerReferences": {}}, "status": "x"},
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x" * 5000, "uid": "u" * 5000}, "spec": []},
        {"apiVersion": "v1", "kind": "Event", "involvedObject": [], "type": "Warning", "message": {}},
        {"apiVersion": "v1", "kind": 7},
        {"apiVersion": ["v1"], "kind": "Pod"},
        {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"namespace": {}}, "data": []},
        7,
        None,
        [],
    ]
    loop = a_pod("loop", job="loop")
    loop["metadata"]["ownerReferences"][0]["uid"] = "uid-loop"
    many = a_pod("many", state={"waiting": {"reason": "ContainerCreating"}})
    many["spec"]["containers"] = [{"name": f"c{number}"} for number in range(500)]
    code, out, err = call("explain", "-f", a_dump(tmp_path, [*bad, loop, many, *PENDING]), "r")
    assert (code, err) == (1, "")
    assert "pod_configmap_missing" in out


def test_ages_are_of_the_newest_time_unless_another_is_given():
    """And the answer says which."""
    _, out, _ = call("explain", "-f", DUMPS / "istio.yaml", "istio")
    assert "Note: Ages are as of 2026-03-02T09:30:00Z, the newest time in the dump; --at sets another" in out
    _, out, _ = call("explain", "-f", DUMPS / "istio.yaml", "istio", "--at", "2026-03-02T10:30:00+01:00")
    assert "Note" not in out
    assert "Created:     2026-03-02T09:00:00Z (30m ago)" in out


def test_no_color_is_respected(monkeypatch):
    """And a pipe has none."""
    terminal = types.SimpleNamespace(isatty=lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert paint.paint_for(terminal)("bad", "x") == "\x1b[31;1mx\x1b[0m"
    assert paint.paint_for(types.SimpleNamespace(isatty=lambda: False))("bad", "x") == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint.paint_for(terminal)("bad", "x") == "x"


@pytest.mark.parametrize("owner", ["Job", "Workflow"])
def test_without_a_run_its_jobs_or_pods_are_explained(tmp_path, owner):
    """As of Argo, Tekton or a plain Job, without a profile."""
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
