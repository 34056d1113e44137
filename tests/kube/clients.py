"""The real client, with a kubeconfig of the test's own."""

import contextlib

from exporter.kube.client import KubeClient
from tests.kube.settings import a_kubeconfig, load


@contextlib.asynccontextmanager
async def a_client(folder, url, *, user=None, cluster=None, environ=None):
    """A client of that server."""
    path = a_kubeconfig(folder, cluster={"server": url} | (cluster or {}), user=user)
    async with KubeClient(credentials=await load(path, environ=environ)) as client:
        yield client
