"""Fixtures of the API servers for integration tests."""

import asyncio
import contextlib
import functools
import pathlib
import ssl
import uuid
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from lab import components
from lab.apiserver import StandInApiServer
from lab.controlplane import objects
from lab.controlplane.account import ServiceAccount
from lab.controlplane.nodes import Nodes
from lab.controlplane.plane import ADMIN_TOKEN, ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from tests.integration.api import ApiUnderTest

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
REAL = pytest.param(
    "kube-apiserver",
    marks=[pytest.mark.needs(*components.CLUSTER), pytest.mark.timeout(120)],  # the first test starts the components
)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real cluster for all tests. Each test uses its own namespace."""
    folder = tmp_path_factory.mktemp("control-plane")
    plane = ControlPlane(
        folder, etcd=components.component("etcd"), kube_apiserver=components.component("kube-apiserver")
    )
    nodes = Nodes(
        plane,
        folder / "nodes",
        kube_controller_manager=components.component("kube-controller-manager"),
        kwok=components.component("kwok"),
    )
    try:
        plane.start()
        nodes.start()
        yield plane
    finally:
        nodes.stop()
        plane.stop()


@pytest.fixture
def platform(control_plane: ControlPlane) -> PlatformNamespace:
    """An empty namespace of the real cluster."""
    return PlatformNamespace(control_plane, f"test-{uuid.uuid4().hex[:8]}").open()


@pytest.fixture
def account(
    control_plane: ControlPlane, platform: PlatformNamespace, settings_file: pathlib.Path
) -> Iterator[ServiceAccount]:
    """A ServiceAccount with exactly the manifests for the settings of the test (its fixture `settings_file`)."""
    made = ServiceAccount(control_plane, platform, settings=settings_file)
    made.grant()
    yield made
    made.revoke()


@pytest.fixture
def kubeconfig(account: ServiceAccount, tmp_path: pathlib.Path) -> pathlib.Path:
    """The kubeconfig of `account`, with a token that is bound to a pod."""
    return pathlib.Path(account.kubeconfig(tmp_path, token=account.token("pod-1").text))


@pytest.fixture(params=["stand-in", REAL])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[ApiUnderTest]:
    """The API server under test. All tests run with the stand-in and with a real API server."""
    async with contextlib.AsyncExitStack() as stack:
        trust: ssl.SSLContext | bool = True
        if request.param == "stand-in":
            server = StandInApiServer(token=ADMIN_TOKEN)
            url = await server.start()

            async def compact() -> None:
                server.compact()

            stack.push_async_callback(server.stop)
        else:
            plane: ControlPlane = request.getfixturevalue("control_plane")
            url, compact = plane.url, functools.partial(asyncio.to_thread, plane.forget_versions)
            trust = ssl.create_default_context(cafile=plane.ca)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)))
        namespace = f"test-{uuid.uuid4().hex[:10]}"
        under_test = ApiUnderTest(session, url=url, token=ADMIN_TOKEN, namespace=namespace, compact=compact)
        await under_test.create("/api/v1/namespaces", objects.namespace(namespace))
        yield under_test


@pytest.fixture
async def group(api: ApiUnderTest) -> str:
    """An API group with CodeRuns in two versions, v1 and v1beta1.

    All tests share it, because a real server delays the first write to a new resource for two seconds.
    """
    name = "shared.example"
    made = await api.request("POST", CRDS, objects.crd(name, versions=("v1", "v1beta1")))
    assert made.code in {201, 409}, made.body
    await api.until_code(f"/apis/{name}/v1/coderuns", 200)
    return name
