"""`check`: a clear line for each finding, and an exit code that a deployment hook can use."""

import json
import socket

import pytest
from aiohttp import web

from tests.clusters import (
    CONFIGMAPS,
    a_configmap,
    a_server,
    a_status,
    a_stream,
)
from tests.commands.checking import OPTIONAL, a_review, check, reject_requests
from tests.commands.in_process import call_in_thread, wrong
from tests.kube.settings import SECRET, a_kubeconfig


async def test_healthy(tmp_path):
    """The exit code is 0. Each object and resource has a line."""
    async with a_server(a_configmap("a", k="1234"), a_configmap("b", **{"x.sh": "y"})) as server:
        code, lines = await check(server.url, tmp_path)
    assert code == 0
    assert lines == [
        "ok  ConfigMap agent-platform/a: 1 key, 4 bytes",
        "ok  ConfigMap agent-platform/b: 1 key, 1 byte",
        "ok  coderuns in all namespaces: can be listed and watched, none found",
        "ok  jobs in all namespaces: can be listed and watched, no agent Jobs found",
        *OPTIONAL,
    ]


async def test_unhealthy(tmp_path):
    """The exit code is 1. Each missing or empty ConfigMap is named."""
    async with a_server(a_configmap("a")) as server:
        code, lines = await check(server.url, tmp_path)
    assert code == 1
    assert lines[:3] == [
        "UNHEALTHY  ConfigMap agent-platform/a: empty",
        "UNHEALTHY  ConfigMap agent-platform/b: missing",
        "ok  coderuns in all namespaces: can be listed and watched, none found",
    ]


async def test_a_missing_key_and_an_empty_one_are_named(tmp_path):
    """The keys are those of the setting."""
    config = "configmaps: {required: [{name: a, keys: [x.sh, y.md]}]}"
    async with a_server(a_configmap("a", **{"y.md": "", "z": "1"})) as server:
        code, lines = await check(server.url, tmp_path, config=config)
    assert code == 1
    assert lines[0] == "UNHEALTHY  ConfigMap agent-platform/a: missing key 'x.sh', empty key 'y.md'"


async def test_an_unreachable_server_is_unknown(tmp_path):
    """The exit code is 2. One line has the reason and all that could not be checked."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    code, lines = await check(f"http://127.0.0.1:{port}", tmp_path)
    assert code == 2
    reason = f"cannot connect to 127.0.0.1:{port}: Connection refused"
    unchecked = "ConfigMaps in namespace agent-platform, coderuns, jobs, pods of Jobs, events"
    assert lines == [f"UNKNOWN  API server 127.0.0.1:{port}: {reason}; not checked: {unchecked}"]
    more = ("--namespaces=a,b,c,d", "--web.kubernetes-auth")
    code, lines = await check(f"http://127.0.0.1:{port}", tmp_path, *more)
    assert code == 2
    assert lines == [f"UNKNOWN  API server 127.0.0.1:{port}: {reason}; not checked: token reviews, {unchecked}"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda: a_status(401, "Unauthorized"), "the credentials are not accepted: renew them (401: Unauthorized)"),
        (lambda: a_status(500, "etcdserver: no leader"), "500: etcdserver: no leader"),
        (lambda: web.Response(text="<html>", content_type="text/html"), "the response is not JSON but text/html"),
        (lambda: web.Response(status=404, text="<html>"), "404: Not Found"),
        (lambda: web.Response(status=307, headers={"Location": "/login"}), "307: Temporary Redirect"),
    ],
)
async def test_one_reason_for_all_failures_is_one_line(tmp_path, answer, expected):
    """A response of a proxy makes nothing unhealthy."""
    async with a_server() as server:
        reject_requests(server, "/", answer)
        code, lines = await check(server.url, tmp_path)
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith(f"UNKNOWN  API server {server.url.removeprefix('http://')}: {expected}")
    assert lines[0].endswith(
        "; not checked: ConfigMaps in namespace agent-platform, coderuns, jobs, pods of Jobs, events"
    )


async def test_configmaps_that_cannot_be_read_are_one_line(tmp_path):
    """The messages of the API server differ only in the name. ConfigMaps that can be read have their own lines."""
    async with a_server(a_configmap("c", k="v")) as server:

        async def intercept(request):
            name = request.query.get("fieldSelector", "").rpartition("=")[2]
            message = f'configmaps "{name}" is forbidden: User "u" cannot watch resource "configmaps" in API group ""'
            return a_status(403, message) if name in {"a", "b"} else None

        server.intercept = intercept
        code, lines = await check(server.url, tmp_path, config="configmaps: {required: [a, b, c]}")
    assert code == 2
    denied = (
        f'403 at {CONFIGMAPS}: configmaps is forbidden: User "u" cannot watch resource "configmaps" in API group ""'
    )
    area = "ConfigMaps in namespace agent-platform"
    assert lines[:2] == [
        f"UNKNOWN  {area}: not permitted: grant the verbs list and watch ({denied}); not checked: a, b",
        "ok  ConfigMap agent-platform/c: 1 key, 1 byte",
    ]


async def test_an_expired_token_is_unknown(tmp_path):
    """The line says what to do, and does not contain the token."""
    async with a_server(a_configmap("a", k="v"), token="another") as server:
        code, lines = await check(server.url, tmp_path, user={"token": SECRET})
    assert code == 2
    assert "the credentials are not accepted: renew them (401: Unauthorized); not checked: " in lines[0]
    assert len(lines) == 1


async def test_a_missing_crd_is_unhealthy(tmp_path):
    """The line has a hint."""
    async with a_server(a_configmap("a", k="v"), a_configmap("b", **{"x.sh": "y"}), crds=()) as server:
        code, lines = await check(server.url, tmp_path)
    assert code == 1
    assert lines[2].startswith("UNHEALTHY  coderuns in all namespaces: no such resource: is its CRD installed? (404")


async def test_a_missing_crd_of_a_second_kind_is_ok(tmp_path):
    """Only the first kind is required."""
    kinds = "coderuns: {kinds: [{}, {plural: docsruns, kind: DocsRun}]}\nconfigmaps: {required: []}\n"
    async with a_server() as server:
        code, lines = await check(server.url, tmp_path, config=kinds)
    assert code == 0
    assert lines[1] == "ok  docsruns in all namespaces: no such resource; this kind is optional"


@pytest.mark.parametrize(
    ("answer", "code", "line"),
    [
        (lambda: a_review({"status": {"allowed": True}}), 0, "ok  {}: can be created"),
        (lambda: a_review({"status": {"allowed": False}}), 2, "UNKNOWN  {}: not permitted: grant"),
        (lambda: a_review({"hello": "world"}), 2, "UNKNOWN  {}: cannot be checked: the response at"),
        (lambda: a_status(403, "no"), 2, "UNKNOWN  {}: cannot be checked: 403 at"),
    ],
)
async def test_permission_to_review_tokens_is_checked_if_it_is_needed(tmp_path, answer, code, line):
    """It is needed with --web.kubernetes-auth or the setting. Otherwise no review is requested."""
    async with a_server() as server:
        reject_requests(server, "/apis/authorization.k8s.io", answer)
        got, lines = await check(server.url, tmp_path, "--web.kubernetes-auth", config="configmaps: {required: []}")
        _, others = await check(server.url, tmp_path, config="configmaps: {required: []}")
    assert got == code
    for found, subject in zip(
        lines, ("tokenreviews.authentication", "subjectaccessreviews.authorization"), strict=False
    ):
        assert found.startswith(line.format(f"{subject}.k8s.io"))
    assert not [each for each in others if "reviews" in each]


async def test_it_names_the_cluster_and_the_context_first(tmp_path):
    """The host and the port are shown, because other parts of the address may be secret."""
    async with a_server() as server:
        kubeconfig = a_kubeconfig(tmp_path, cluster={"server": f"{server.url}/{SECRET}"})
        _, out, err = await call_in_thread("check", "--kubeconfig", kubeconfig)
    host = server.url.removeprefix("http://")
    assert out.splitlines()[0].split(maxsplit=1)[1] == f"API server {host}: kubeconfig {kubeconfig} (context prod)"
    assert SECRET not in out + err


@pytest.mark.parametrize("path", ["/apis/batch", CONFIGMAPS])
async def test_a_server_that_is_not_kubernetes_is_unknown(tmp_path, path):
    """Another server may answer every request with 200 and JSON."""
    async with a_server(a_configmap("a", k="v"), a_configmap("b", **{"x.sh": "y"})) as server:
        reject_requests(server, path, lambda: web.json_response({"hello": "world"}))
        code, lines = await check(server.url, tmp_path)
    assert code == 2
    assert any(line.startswith("UNKNOWN") for line in lines)


async def test_all_resources_share_one_timeout(tmp_path, monkeypatch):
    """All requests are sent at the same time."""
    monkeypatch.setattr("exporter.kube.client._RESPONSE_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr("exporter.checks.reading._LIST_TIMEOUT_SECONDS", 0.5)
    names = "configmaps: {required: [a, b, c, d, e, f, g, h, i, j]}"
    async with a_server() as server:

        async def intercept(request):
            return await a_stream(end="open")(request)

        server.intercept = intercept
        code, lines = await check(server.url, tmp_path, config=names)
        assert len(server.requests) == 16
    assert code == 2
    assert all("the API server did not complete the list within 0 s" in line for line in lines), lines


@pytest.mark.parametrize(("objects", "code", "status"), [([a_configmap("a", k="v")], 0, "ok"), ([], 1, "unhealthy")])
async def test_output_json(tmp_path, objects, code, status):
    """The JSON has the findings and the worst status."""
    async with a_server(*objects) as server:
        got, lines = await check(server.url, tmp_path, "--output", "json", config="configmaps: {required: [a]}")
    answer = json.loads("\n".join(lines))
    assert (got, answer["status"]) == (code, status)
    assert answer["findings"][1] == {
        "status": status,
        "subject": "ConfigMap agent-platform/a",
        "text": "1 key, 1 byte" if code == 0 else "missing",
    }
    assert len(answer["findings"]) == 6


def test_a_wrong_setting_is_one_line(tmp_path):
    """The exit code is 2."""
    assert "cannot be read: No such file" in wrong("check", "--config.file", tmp_path / "absent.yml")
    assert "/nowhere" in wrong("check", "--kubeconfig", "/nowhere")
