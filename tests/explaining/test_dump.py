"""`explain --filename`: files that are no dump, dumps that are incomplete, and the exit code for them."""

import json
import os

import pytest

from tests.clusters import a_configmap, a_job, a_run, a_server, a_status
from tests.commands.in_process import call, wrong
from tests.explaining.objects import NS, PENDING, RUNNING, a_dump, explain

PENDING_WITH_CREATION = json.loads(json.dumps(PENDING))
for _one in PENDING_WITH_CREATION:
    _one["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
NOON = 1767268800  # 2026-01-01T12:00:00Z


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no Kubernetes objects"),
        (b"\x1f\x8b\x08", "compressed by gzip"),
        ("{}".encode("utf-16"), "not UTF-8 text; in PowerShell"),
        (b'{"apiVersion": "v1", "kind": "Li', "truncated before the end of its first object"),
        (b"[1, 2]", "expected Kubernetes objects, found list"),
        (b"error: the server doesn't have a resource type\n", "no Kubernetes objects"),
        (b"a: [", "line 2: not YAML"),
    ],
)
def test_the_error_about_a_file_that_is_not_a_dump_is_one_line(tmp_path, data, message):
    """The line has the name of the file."""
    path = a_dump(tmp_path, data)
    assert wrong("explain", "-f", path).startswith(f"{path}: {message}")


def test_a_truncated_dump_explains_the_objects_that_it_has(tmp_path):
    """A note says that the dump is truncated."""
    text = json.dumps({"apiVersion": "v1", "items": list(PENDING) * 3, "kind": "List"}, indent=1)
    code, out, _ = call("explain", "-f", a_dump(tmp_path, text[: len(text) // 2]), f"{NS}/r")
    assert code == 1
    assert "is truncated: only its first" in out
    assert "pod_configmap_missing" in out


def test_several_files_are_one_dump(tmp_path):
    """`kubectl get` may write one file for each kind."""
    files = [a_dump(tmp_path, [one], f"{number}.json") for number, one in enumerate(PENDING)]
    args = [word for file in files for word in ("-f", file)]
    assert "pod_configmap_missing" in call("explain", *args, "r")[1]


@pytest.mark.parametrize(
    "objects",
    [
        [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}],
        [a_configmap("kube-root-ca.crt", a="x")],
        [PENDING[3]],
        [{"apiVersion": "example.com/v1", "kind": "OtherRun", "metadata": {"name": "r", "uid": "u"}}],
    ],
)
def test_a_dump_without_runs_jobs_and_pods_is_not_called_healthy(tmp_path, objects):
    """The exit code is 2, and the error is one line."""
    path = a_dump(tmp_path, objects)
    assert wrong("explain", "-f", path).startswith(f"{path}: no runs, Jobs or Pods; dump ")


def test_a_list_from_a_truncated_dump_is_never_healthy(tmp_path):
    """The rest of the dump may have a fault, so the exit code is 2."""
    run = a_run("r", status={"phase": "Succeeded"})
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [run, *PENDING]})
    code, out, _ = call("explain", "-f", a_dump(tmp_path, text[: text.index('"Running"')]))
    assert (code, "is truncated" in out) == (2, True)


async def test_a_list_without_one_kind_of_worker_is_not_healthy(tmp_path):
    """The Jobs, which cannot be read, may have a fault."""
    async with a_server() as server:

        async def refuse(request):
            return a_status(403, "forbidden") if request.path.endswith("/jobs") else None

        server.intercept = refuse
        code, out, _ = await explain(server, tmp_path)
    assert (code, "jobs were not read" in out) == (2, True)


@pytest.mark.parametrize("field", ["creationTimestamp", "startTime"])
def test_a_time_in_the_future_does_not_set_the_clock(tmp_path, field):
    """No object is written after the file. Such a time is wrong or forged."""
    meta = {"creationTimestamp": "2099-01-01T00:00:00Z"} if field == "creationTimestamp" else {}
    late = a_run("late", status=RUNNING, **meta)
    job = a_job("late", run="late", status={"active": 1, "startTime": "2099-01-01T00:00:00Z"})
    path = a_dump(tmp_path, [*PENDING_WITH_CREATION, late, job])
    os.utime(path, (NOON, NOON))
    _, out, _ = call("explain", f"{NS}/r", "-f", path)
    assert "Ages are as of 2026-01-01T00:05:00Z" in out


def test_a_file_that_is_older_than_its_objects_is_read_at_their_time(tmp_path):
    """A copy may have another modification time."""
    path = a_dump(tmp_path, [*PENDING_WITH_CREATION])
    os.utime(path, (0, 0))
    _, out, _ = call("explain", f"{NS}/r", "-f", path)
    assert "Ages are as of 2026-01-01T00:05:00Z" in out


@pytest.mark.parametrize("name", [["x"], {"x": 1}, 7, None])
def test_a_configmap_without_a_usable_name_is_no_error(tmp_path, name):
    """The others are read."""
    wrong_names = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NS}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": name}},
    ]
    code, out, err = call("explain", "-f", a_dump(tmp_path, [*PENDING, *wrong_names]), f"{NS}/r")
    assert (code, err) == (1, "")
    assert "pod_configmap_missing" in out
