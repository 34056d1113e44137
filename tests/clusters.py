"""A stand-in API server on loopback: its objects, and faults that a test injects."""

import asyncio
import contextlib

from aiohttp import web

from lab.apiserver import StandInApiServer
from lab.platform.manifests import custom_resource

NAMESPACE = "agent-platform"
RUNS = f"/apis/agents.platform/v1/namespaces/{NAMESPACE}/coderuns"
ALL_RUNS = "/apis/agents.platform/v1/coderuns"
CONFIGMAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
JOBS = "/apis/batch/v1/jobs"


@contextlib.asynccontextmanager
async def a_server(*objects, crds=("CodeRun",), **more):
    """Starts a stand-in API server that serves these objects."""
    server = StandInApiServer(**more)
    server.load([a_namespace(NAMESPACE)])
    server.load([*map(custom_resource, crds), *objects])
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def a_namespace(name):
    """The Namespace object of this name."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def port_of(server):
    """The TCP port on which the server listens."""
    return int(server.url.rpartition(":")[2])


async def restart(server):
    """Stops the server, which closes all connections, and starts it again on the same port."""
    await server.stop()
    await server.start(port=port_of(server))


def a_run(name="r", *, namespace=NAMESPACE, status=None, spec=None, **meta):
    """A CodeRun. Keyword arguments are fields of its metadata."""
    run = {
        "apiVersion": "agents.platform/v1",
        "kind": "CodeRun",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{namespace}-{name}", **meta},
        "spec": {"taskId": 1, "githubApp": "5DLabs-Tess"} if spec is None else spec,
    }
    return run if status is None else run | {"status": status}


def a_job(name="j", *, run="r", namespace=NAMESPACE, status=None):
    """A Job that is controlled by a run."""
    owner = {"apiVersion": "agents.platform/v1", "kind": "CodeRun", "name": run, "uid": f"uid-{namespace}-{run}"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{namespace}-{name}",
            "ownerReferences": [owner | {"controller": True}],
        },
        "status": status or {"active": 1, "startTime": "2026-01-01T00:00:00Z"},
    }


def a_configmap(name, **data):
    """A ConfigMap with these keys. Without keys it is empty."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "data": data,
    }


async def until(claim, *, seconds=5.0):
    """Polls `claim` until it is true, in real time. Raises TimeoutError after `seconds`."""
    async with asyncio.timeout(seconds):
        while not claim():
            await asyncio.sleep(0.005)


def a_status(code, message="", *, headers=None, **more):
    """An error response of the API server: a `Status` object."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message, **more}
    return web.json_response(body, status=code, headers={"Audit-Id": "1"} | (headers or {}))


def faults(server, *answers, path=""):
    """Answers the next requests whose path begins with `path` with `answers`, one each, in this order.

    An answer is a response, an async function that takes the request and returns a response, or None, which
    leaves the request to the server.
    """
    waiting = list(answers)

    async def intercept(request):
        if not waiting or not request.path.startswith(path):
            return None
        answer = waiting.pop(0)
        return await answer(request) if callable(answer) else answer

    server.intercept = intercept
    return waiting


def a_stream(*chunks, end="clean", status=200, content_type="application/json"):
    """A response that is written in chunks and then ends: `clean`, `cut` (connection closed) or `open` (never)."""

    async def answer(request):
        response = web.StreamResponse(status=status)
        response.content_type = content_type
        response.enable_chunked_encoding()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
            await asyncio.sleep(0)
        if end == "open":
            await asyncio.sleep(60)
        if end == "cut":
            await asyncio.sleep(0.01)
            request.transport.close()
        return response

    return answer
