"""`explain --filename`: what is no dump, what is missing in one, and what that says about faults."""

import json
import os

import pytest

from tests.clusters import a_configmap, a_job, a_run, a_server, a_status
from tests.commands.in_process import call, wrong
from tests.explaining.objects import NS, PENDING, RUNNING, a_dump, explain

CREATED = json.loads(json.dumps(PENDING))
for _one in CREATED:
    _one["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
NOON = 1767268800  # 2026-01-01T12:00:00Z


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
    """One line, and exit code 2."""
    path = a_dump(tmp_path, objects)
    assert wrong("explain", "-f", path).startswith(f"{path}: no runs, Jobs or Pods; dump ")


def test_a_list_from_a_cut_dump_is_never_complete(tmp_path):
    """No fault found in a part of it is no proof that there is none."""
    run = a_run("r", status={"phase": "Succeeded"})
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [run, *PENDING]})
    code, out, _ = call("explain", "-f", a_dump(tmp_path, text[: text.index('"Running"')]))
    assert (code, "is cut" in out) == (2, True)


async def test_a_list_without_one_kind_of_run_is_not_complete(tmp_path):
    """What may not be read may have a fault."""
    async with a_server() as server:

        async def refuse(request):
            return a_status(403, "forbidden") if request.path.endswith("/jobs") else None

        server.intercept = refuse
        code, out, _ = await explain(server, tmp_path)
    assert (code, "jobs were not read" in out) == (2, True)


@pytest.mark.parametrize("field", ["creationTimestamp", "startTime"])
def test_a_time_in_the_future_does_not_set_the_clock(tmp_path, field):
    """No object is written after the file: such a time is wrong, or invented."""
    meta = {"creationTimestamp": "2099-01-01T00:00:00Z"} if field == "creationTimestamp" else {}
    late = a_run("late", status=RUNNING, **meta)
    job = a_job("late", run="late", status={"active": 1, "startTime": "2099-01-01T00:00:00Z"})
    path = a_dump(tmp_path, [*CREATED, late, job])
    os.utime(path, (NOON, NOON))
    _, out, _ = call("explain", f"{NS}/r", "-f", path)
    assert "Ages are as of 2026-01-01T00:05:00Z" in out


def test_a_file_that_is_older_than_its_objects_is_read_with_their_time(tmp_path):
    """As after a copy whose time was set."""
    path = a_dump(tmp_path, [*CREATED])
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
