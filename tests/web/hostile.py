"""Hostile clients of the web server, and a check that they leave nothing behind."""

import asyncio
import contextlib
import os
import socket
import time

from exporter.exposition.deflate import combine, deflate
from exporter.exposition.exposition import Exposition
from tests.clusters import until
from tests.web.serving import Site, a_site, fetch

GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
SHORT_TIMEOUT = 0.2
MAX_CPU_SECONDS = 0.5
REASONS = (
    *("max_requests", "connections", "slow_reader", "bad_request"),
    *("bad_handshake", "unauthorized", "login_queue"),
)


class BigSite(Site):
    """A site with a response of `megabytes` MB in blocks of 10 kB. It responds once `gate` is set (default)."""

    def __init__(self, *, megabytes):
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = 0
        self.work_seconds = 0.0
        self._megabytes = megabytes
        self.family = self.blocks()

    def blocks(self):
        """Returns new compressed blocks, which are not shared with other responses."""
        blocks = [deflate(f'a_b{{x="{block}"}} 1\n' * 600) for block in range(100 * self._megabytes)]
        return blocks, *combine(blocks)

    async def page(self, tail):
        """Returns the exposition after `gate` is set and after `work_seconds` of CPU time."""
        self.waiting += 1
        await self.gate.wait()
        self.waiting -= 1
        started = time.thread_time()
        while time.thread_time() - started < self.work_seconds:
            pass
        return Exposition([self.family], tail=tail())

    def refused(self):
        """The number of rejected clients by reason."""
        sample = self.telemetry.registry.get_sample_value
        counts = {reason: sample("coderun_exporter_clients_refused_total", {"reason": reason}) for reason in REASONS}
        return {reason: count for reason, count in counts.items() if count}


@contextlib.asynccontextmanager
async def a_site_under_attack(*, megabytes=1, **limits):
    """A site to attack. Afterwards it must serve a scrape, and leave no tasks or file descriptors.

    No step of the event loop may use more than MAX_CPU_SECONDS of CPU time. This does not depend on the load of
    the machine.
    """
    async with a_site(BigSite(megabytes=megabytes), **limits) as site:
        before, open_before = asyncio.all_tasks(), descriptors()
        async with measure_steps() as steps:
            yield site
            await until(lambda: len(steps) > 2)
        site.gate.set()
        async with asyncio.timeout(10):
            while (await fetch(f"{site.url}/metrics", Accept_Encoding="gzip"))[0] != 200:
                await asyncio.sleep(0.02)
        await until(lambda: asyncio.all_tasks() <= before)
        await until(lambda: descriptors() <= open_before)
        assert max(steps) < MAX_CPU_SECONDS


@contextlib.asynccontextmanager
async def measure_steps():
    """Yields a list of the CPU time in seconds between the steps of a periodic task."""
    steps = []

    async def measure():
        while True:
            started = time.thread_time()
            await asyncio.sleep(0.005)
            steps.append(time.thread_time() - started)

    task = asyncio.create_task(measure())
    try:
        yield steps
    finally:
        task.cancel()


def server_tasks():
    """The names of aiohttp's tasks: one for each connection and one for each response."""
    names = [task.get_coro().__qualname__ for task in asyncio.all_tasks()]
    return [name for name in names if name.startswith("RequestHandler")]


def descriptors():
    """The number of open file descriptors of this process."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only counted


@contextlib.asynccontextmanager
async def a_client(site, data=b"", *, reads=True, **more):
    """A connection that has sent `data`. With `reads=False` it receives almost nothing of the response."""
    address = site.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(*address, limit=2**16 if reads else 1, **more)
    try:
        writer.write(data)
        yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


def a_small_socket(site):
    """A connection with a small receive buffer that has requested the metrics."""
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.connect(("127.0.0.1", int(site.url.rpartition(":")[2])))
    small.sendall(GET)
    small.setblocking(False)
    return small


async def read_all(reader):
    """All data until the server closes or resets the connection."""
    got = b""
    async with asyncio.timeout(10):
        try:
            while chunk := await reader.read(2**16):
                got += chunk
        except ConnectionError:
            pass
    return got


async def response_to(site, data):
    """The response to these bytes, until the server closes the connection."""
    async with a_client(site, data) as (reader, _):
        return await read_all(reader)


async def open_clients(stack, site, count, data=b"", **more):
    """Opens `count` connections and returns their readers."""
    return [(await stack.enter_async_context(a_client(site, data, **more)))[0] for _ in range(count)]
