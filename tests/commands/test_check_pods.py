"""`check` reads Pods only if a profile has them as the workers of its runs."""

from tests.clusters import a_server, a_status
from tests.commands.checking import check, reject_requests

KINDS = "coderuns: {kinds: [{worker: {is: Pod, selector: app}}]}\nconfigmaps: {required: []}"
PODS = "/api/v1/pods"


def a_pod(name, **labels):
    """A Pod that the run `r` controls."""
    owner = {"apiVersion": "agents.platform/v1", "kind": "CodeRun", "name": "r", "uid": "u", "controller": True}
    metadata = {"name": name, "namespace": "agent-platform", "labels": labels, "ownerReferences": [owner]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}, "status": {"phase": "Running"}}


async def test_worker_pods_are_counted_by_the_selector_of_their_profile(tmp_path):
    """The API server does not send other Pods."""
    async with a_server(a_pod("p", app="x"), a_pod("q", other="x")) as server:
        code, lines = await check(server.url, tmp_path, config=KINDS)
    assert code == 0
    assert "ok  pods in all namespaces, selected by app: can be listed and watched, 1 Pod found" in lines


async def test_worker_pods_that_cannot_be_read_are_unknown(tmp_path):
    """The line has the missing verbs. All other resources are checked."""
    async with a_server() as server:
        reject_requests(server, PODS, lambda: a_status(403, "pods is forbidden"))
        code, lines = await check(server.url, tmp_path, config=KINDS)
    assert code == 2
    (line,) = [line for line in lines if line.startswith("UNKNOWN")]
    assert line.startswith(
        "UNKNOWN  pods in all namespaces, selected by app: not permitted: grant the verbs list and watch (403"
    )
    assert sum(line.startswith("ok") for line in lines) == 3
    assert [line[:42] for line in lines if "pods of Jobs" in line] == ["note  pods of Jobs in all namespaces: not "]
