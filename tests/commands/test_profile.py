"""`coderun-exporter profile`: prints a draft, or one error line and exits with 2."""

import json
import socket

import pytest
import yaml

from tests.clusters import a_run, a_server, a_status
from tests.commands.in_process import call, call_in_thread, wrong
from tests.drafting.drafts import a_crd, read
from tests.kube.settings import SECRET, a_kubeconfig

HELP = "see coderun-exporter profile --help"
NAME = "agenttasks.example.com"
PHASE = {"status": {"type": "object", "properties": {"phase": {"type": "string", "enum": ["Queued", "Failed"]}}}}
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def a_task(name="t", *, phase="Queued"):
    """An object of the CRD `agenttasks`."""
    meta = {"name": name, "namespace": "agent-platform", "uid": f"uid-{name}"}
    return {"apiVersion": "example.com/v1", "kind": "AgentTask", "metadata": meta, "status": {"phase": phase}}


def a_pod(name="p", *, owner="t"):
    """A Pod that the AgentTask `owner` controls."""
    reference = {
        "apiVersion": "example.com/v1",
        "kind": "AgentTask",
        "name": owner,
        "uid": f"uid-{owner}",
        "controller": True,
    }
    meta = {"name": name, "namespace": "agent-platform", "uid": f"uid-{name}", "ownerReferences": [reference]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [{"name": "agent"}]}}


async def profile(server, folder, *args):
    """Exit code, standard output and standard error of the command."""
    kubeconfig = a_kubeconfig(folder, cluster={"server": server.url})
    code, out, err = await call_in_thread("profile", "--kubeconfig", kubeconfig, *args)
    assert SECRET not in out + err
    return code, out, err


def a_file(folder, *objects, name="crd.yaml"):
    """The path of a file with these manifests."""
    path = folder / name
    path.write_text(yaml.safe_dump_all(objects))
    return path


async def test_a_draft_uses_the_crd_its_objects_and_their_pods(tmp_path):
    """It sends one request for the CRD, and one for each list."""
    async with a_server(a_crd(properties=PHASE), a_task(), a_task("u", phase="Paused"), a_pod()) as server:
        code, out, err = await profile(server, tmp_path, NAME)
        assert len(server.requests) == 4
    assert (code, err) == (0, "")
    profile_, own = read(out, tmp_path)
    assert (profile_.plural, profile_.version, profile_.group) == ("agenttasks", "v1", "example.com")
    assert own["worker"] == {"is": "Pod", "container": "agent"}
    assert "(v1) and 2 objects in 1 namespace." in out
    assert "Queued 1, Paused 1" in out


@pytest.mark.parametrize("name", ["agenttasks.v1.example.com", "agenttasks.example.com"])
async def test_a_version_may_be_named(tmp_path, name):
    """The name may have a version, as in kubectl."""
    async with a_server(a_crd(properties=PHASE)) as server:
        code, out, _ = await profile(server, tmp_path, name)
    assert code == 0
    assert "resource: agenttasks.v1.example.com" in out


async def test_a_group_that_begins_like_a_version_is_found(tmp_path):
    """PLURAL.v1.example.com is also PLURAL of the group v1.example.com."""
    async with a_server(a_crd(group="v1.example.com")) as server:
        code, out, _ = await profile(server, tmp_path, "agenttasks.v1.example.com")
    assert code == 0
    assert "resource: agenttasks.v1.v1.example.com" in out


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("agenttask.example.com", "there is no CRD agenttask.example.com; did you mean agenttasks.example.com?"),
        ("agenttasks.example.org", "there is no CRD agenttasks.example.org; did you mean agenttasks.example.com?"),
        (
            "agenttasks",
            "'agenttasks' is not PLURAL.GROUP or PLURAL.VERSION.GROUP; did you mean agenttasks.example.com?",
        ),
        (
            "AgentTask",
            "'AgentTask' is not PLURAL.GROUP or PLURAL.VERSION.GROUP; did you mean agenttasks.example.com?",
        ),
        ("../../api/v1/secrets.x", "'../../api/v1/secrets.x' is not PLURAL.GROUP or PLURAL.VERSION.GROUP"),
        ("widgets.acme.io", "there is no CRD widgets.acme.io"),
        ("agenttasks.v9.example.com", "version v9 is not served; served: v1"),
    ],
)
async def test_an_unknown_name_is_one_line_with_the_nearest_one(tmp_path, name, line):
    """The nearest name is from the discovery of the API server."""
    async with a_server(a_crd()) as server:
        code, out, err = await profile(server, tmp_path, name)
        assert not [request for request in map(str, server.requests) if "secrets" in request]
    assert (code, out) == (2, "")
    assert err == f"coderun-exporter: {line}\n"


async def test_only_the_crd_must_be_readable(tmp_path):
    """A list that is forbidden is a comment in the draft. A CRD that is forbidden is an error."""
    async with a_server(a_crd(properties=PHASE), a_task(), a_pod()) as server:

        async def no_lists(request):
            return None if request.path.startswith("/apis/apiextensions") else a_status(403, "no, not\nyou")

        server.intercept = no_lists
        code, out, err = await profile(server, tmp_path, NAME)
        assert (code, err) == (0, "")
        assert (
            "# not permitted, grant the verb list for more: 403 at /apis/example.com/v1/agenttasks: no, not you"
            in out
        )
        assert read(out, tmp_path)[1]["state"]

        async def no_crd(_):
            return a_status(403, "no")

        server.intercept = no_crd
        code, out, err = await profile(server, tmp_path, NAME)
    assert (code, out) == (2, "")
    assert err.startswith(
        f"coderun-exporter: customresourcedefinitions {NAME}: not permitted: grant the verb get (403 at"
    )
    assert err.count("\n") == 1


async def test_only_the_first_objects_are_read(tmp_path):
    """A cluster may have 100,000. The draft says how many were read."""
    async with a_server(a_crd(properties=PHASE), *(a_task(f"t{number}") for number in range(501))) as server:
        code, out, _ = await profile(server, tmp_path, NAME)
    assert code == 0
    assert "and 500 objects in 1 namespace." in out
    assert "# /apis/example.com/v1/agenttasks: only the first 500 objects were read" in out


async def test_without_a_cluster_the_error_is_one_line(tmp_path):
    """The exit code is 2, as in all commands."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    kubeconfig = a_kubeconfig(tmp_path, cluster={"server": f"http://127.0.0.1:{port}"})
    code, out, err = await call_in_thread("profile", "--kubeconfig", kubeconfig, NAME)
    assert (code, out) == (2, "")
    assert err == f"coderun-exporter: cannot connect to 127.0.0.1:{port}: Connection refused\n"


@pytest.mark.parametrize(
    ("status", "body", "line"),
    [
        (200, b"[" * 100_000, "the CRD serves no version"),
        (200, b"{}", "the CRD serves no version"),
        (200, b'{"spec": {"versions": [{"name": "v1", "served": true}]}}', "the CRD cannot be used: group: ''"),
        (500, b"", "500 at /apis/apiextensions"),
        (404, b"", "404 at /apis/apiextensions"),
    ],
)
async def test_a_response_that_is_no_crd_is_one_line(tmp_path, status, body, line):
    """A proxy may answer 404: this does not mean that the CRD is missing."""
    from aiohttp import web  # noqa: PLC0415 - for this answer alone

    async with a_server() as server:

        async def intercept(_):
            return web.Response(status=status, body=body, content_type="application/json")

        server.intercept = intercept
        code, out, err = await profile(server, tmp_path, NAME)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"coderun-exporter: {line}")


async def test_namespaces_limit_the_lists(tmp_path):
    """Users may be able to list objects only in some namespaces."""
    async with a_server(a_crd(properties=PHASE), a_task(), a_pod()) as server:
        _, out, _ = await profile(server, tmp_path, NAME, "--namespaces=agent-platform")
        assert "1 object in 1 namespace" in out
        _, out, _ = await profile(server, tmp_path, NAME, "--namespaces=other")
    assert "and no objects." in out


def test_a_file_needs_no_cluster(tmp_path):
    """Objects in the file are used as those of a cluster. Lists work as well, as kubectl prints them."""
    listed = {"apiVersion": "v1", "kind": "List", "items": [a_task(), a_pod()]}
    code, out, err = call("profile", "-f", a_file(tmp_path, a_crd(properties=PHASE), listed))
    assert (code, err) == (0, "")
    assert read(out, tmp_path)[1]["worker"] == {"is": "Pod", "container": "agent"}
    assert "1 object in 1 namespace" in out
    (tmp_path / "crd.json").write_text(json.dumps(a_crd(properties=PHASE)))
    assert call("profile", "--filename", tmp_path / "crd.json", NAME)[0] == 0


def test_a_shipped_profile_is_named(tmp_path):
    """The draft recommends the shipped profile."""
    crd = a_crd(group="kelos.dev", plural="tasks", kind="Task")
    _, out, _ = call("profile", "-f", a_file(tmp_path, crd))
    assert "# There is a shipped profile, tasks.kelos.dev: use it rather than this draft." in out


def test_an_error_in_a_file_is_one_line(tmp_path):
    """It has the file and what is valid."""
    two = a_file(tmp_path, a_crd(), a_crd(group="acme.io"), name="two.yaml")
    assert wrong("profile", "-f", two) == (
        "--filename: name one of its CRDs; there are: agenttasks.acme.io, agenttasks.example.com"
    )
    assert wrong("profile", "-f", two, "x.acme.io").startswith(
        "--filename: there is no CRD x.acme.io; there are: agent"
    )
    assert call("profile", "-f", two, "agenttasks.acme.io")[0] == 0
    none = a_file(tmp_path, a_run(), name="none.yaml")
    assert wrong("profile", "-f", none) == "--filename: there is no CustomResourceDefinition in these manifests"
    old = a_file(tmp_path, a_crd() | {"apiVersion": "apiextensions.k8s.io/v1beta1"}, name="old.yaml")
    assert wrong("profile", "-f", old) == (
        f"{old}:1: apiVersion of the CRD must be apiextensions.k8s.io/v1, not apiextensions.k8s.io/v1beta1"
    )
    unserved = a_file(tmp_path, a_crd(served=False), name="unserved.yaml")
    assert (
        wrong("profile", "-f", unserved)
        == f"{unserved}:1: the CRD serves no version (v1): its objects cannot be read"
    )
    (tmp_path / "broken.yaml").write_text("a: [")
    assert wrong("profile", "-f", tmp_path / "broken.yaml").startswith(f"{tmp_path / 'broken.yaml'}:1: not YAML")
    assert "cannot be read: No such file" in wrong("profile", "-f", tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["profile"], f"profile: name a resource as PLURAL.GROUP, or a file with --filename; {HELP}"),
        (
            ["profile", "-f", "x", "--namespaces=a"],
            "--namespaces: not with --filename, which reads no cluster",
        ),
        (["profile", "-f", "x", "--context=a"], "--context: not with --filename, which reads no cluster"),
        (["profle"], "profle: unknown command; did you mean profile?"),
        (["profile", "a.b", "c.d"], f"c.d: profile takes one name; {HELP}"),
    ],
)
def test_wrong_arguments_are_one_line(args, line):
    """It has what is valid."""
    assert wrong(*args) == line
