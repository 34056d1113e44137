"""Connects the exporter's API client with a kubeconfig that the test writes."""

import contextlib

from exporter.kube.client import KubeClient
from tests.kube.settings import a_kubeconfig, load


@contextlib.asynccontextmanager
async def a_client(folder, url, *, user=None, cluster=None, environ=None):
    """A client of the server at `url`."""
    path = a_kubeconfig(folder, cluster={"server": url} | (cluster or {}), user=user)
    async with KubeClient(credentials=await load(path, environ=environ)) as client:
        yield client
