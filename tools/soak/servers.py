"""The API servers for the soak test: the stand-in in a separate process, or a real etcd and kube-apiserver."""

import asyncio
import contextlib
import dataclasses
import pathlib
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import trustme

from lab.components import component
from lab.controlplane.plane import ADMIN_TOKEN, ControlPlane
from lab.kubeconfig import kubeconfig

__all__ = ["Server", "real", "stand_in"]

_ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Server:
    """An API server at `url`. `trust` verifies its certificate (None without TLS), and `token` is an admin's.

    A proxy in front of the server uses the files `certificate` and `key`; clients verify them with the CA file
    `authority`. `forget` makes the server respond with 410 for all older resource versions. `restart` stops the
    server for the given number of seconds.
    """

    name: str
    url: str
    token: str
    trust: ssl.SSLContext | None
    authority: pathlib.Path
    certificate: pathlib.Path
    key: pathlib.Path
    forget: Callable[[], Awaitable[None]]
    restart: Callable[[float], Awaitable[None]]

    def kubeconfig(self, *, url: str) -> str:
        """A kubeconfig with admin permissions, for the server itself or for a proxy in front of it."""
        authority = self.authority if url.startswith("https") else ""
        return kubeconfig(url, authority=authority, user={"token": self.token})


@contextlib.asynccontextmanager
async def stand_in(folder: pathlib.Path) -> AsyncIterator[Server]:
    """Runs the stand-in without objects."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tools.soak.standin"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT
    )
    assert process.stdin is not None  # noqa: S101 - asked for above
    assert process.stdout is not None  # noqa: S101 - asked for above
    commands, replies = process.stdin, process.stdout

    async def send(*words: object) -> None:
        commands.write(" ".join(map(str, words)).encode() + b"\n")
        await replies.readline()

    async def restart(seconds: float) -> None:
        await send("restart", seconds)

    async def forget() -> None:
        await send("forget")

    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    leaf.cert_chain_pems[0].write_to_path(folder / "proxy.pem")
    leaf.private_key_pem.write_to_path(folder / "proxy.key")
    try:
        yield Server(
            name="the stand-in API server",
            url=(await replies.readline()).decode().strip(),
            token="anybody",  # noqa: S106 - the stand-in does not authenticate
            trust=None,
            authority=folder / "ca.pem",
            certificate=folder / "proxy.pem",
            key=folder / "proxy.key",
            forget=forget,
            restart=restart,
        )
    finally:
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def real(folder: pathlib.Path) -> AsyncIterator[Server]:
    """Runs etcd and kube-apiserver without objects and controllers. Raises MissingComponentError."""
    plane = ControlPlane(folder, etcd=component("etcd"), kube_apiserver=component("kube-apiserver"))

    async def restart(seconds: float) -> None:
        await asyncio.to_thread(plane.kill_api_server)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(plane.start_api_server)

    async def forget() -> None:
        await asyncio.to_thread(plane.forget_versions)

    try:
        await asyncio.to_thread(plane.start)
        yield Server(
            name="a real etcd and kube-apiserver",
            url=plane.url,
            token=ADMIN_TOKEN,
            trust=ssl.create_default_context(cafile=str(plane.ca)),
            authority=plane.ca,
            certificate=plane.ca,
            key=plane.key,
            forget=forget,
            restart=restart,
        )
    finally:
        plane.stop()
