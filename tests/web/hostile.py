"""Hostile clients, and what must be as before once they are gone."""

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
SOON = 0.2
CPU_SECONDS = 0.5
REASONS = (
    *("max_requests", "connections", "slow_reader", "bad_request"),
    *("bad_handshake", "unauthorized", "login_queue"),
)


class BigSite(Site):
    """A page of so many MB in blocks of 10 kB, as the real one is; `gate` is open unless a test shuts it."""

    def __init__(self, *, megabytes):
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = 0
        self.work_seconds = 0.0
        self._megabytes = megabytes
        self.family = self.blocks()

    def blocks(self):
        """Blocks that are nobody else's."""
        blocks = [deflate(f'a_b{{x="{block}"}} 1\n' * 600) for block in range(100 * self._megabytes)]
        return blocks, *combine(blocks)

    async def page(self, tail):
        """The page, once the gate is open, and after so much work."""
        self.waiting += 1
        await self.gate.wait()
        self.waiting -= 1
        begun = time.thread_time()
        while time.thread_time() - begun < self.work_seconds:
            pass
        return Exposition([self.family], tail=tail())

    def refused(self):
        """Who was refused so far, by reason."""
        sample = self.telemetry.registry.get_sample_value
        counts = {reason: sample("coderun_exporter_clients_refused_total", {"reason": reason}) for reason in REASONS}
        return {reason: count for reason, count in counts.items() if count}


@contextlib.asynccontextmanager
async def attacked(*, megabytes=1, **limits):
    """A site to attack. After it a scrape is served, and tasks and descriptors are as before.

    Nor was the event loop ever held up: by so much work between two beats, which a busy machine does not change.
    """
    async with a_site(BigSite(megabytes=megabytes), **limits) as site:
        before, open_before = asyncio.all_tasks(), descriptors()
        async with a_heart() as beats:
            yield site
            await until(lambda: len(beats) > 2)
        site.gate.set()
        async with asyncio.timeout(10):
            while (await fetch(f"{site.url}/metrics", Accept_Encoding="gzip"))[0] != 200:
                await asyncio.sleep(0.02)
        await until(lambda: asyncio.all_tasks() <= before)
        await until(lambda: descriptors() <= open_before)
        assert max(beats) < CPU_SECONDS


@contextlib.asynccontextmanager
async def a_heart():
    """The work that was done between each two beats, in seconds."""
    beats = []

    async def beat():
        while True:
            begun = time.thread_time()
            await asyncio.sleep(0.005)
            beats.append(time.thread_time() - begun)

    task = asyncio.create_task(beat())
    try:
        yield beats
    finally:
        task.cancel()


def server_tasks():
    """What aiohttp has at work: a task for each connection, and one for each answer."""
    names = [task.get_coro().__qualname__ for task in asyncio.all_tasks()]
    return [name for name in names if name.startswith("RequestHandler")]


def descriptors():
    """How many this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count is all


@contextlib.asynccontextmanager
async def a_client(site, data=b"", *, reads=True, **more):
    """A connection on which this was said; `reads=False` takes next to nothing of the answer."""
    address = site.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(*address, limit=2**16 if reads else 1, **more)
    try:
        writer.write(data)
        yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


def a_small_socket(site):
    """A connection with a small buffer that has requested the metrics."""
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.connect(("127.0.0.1", int(site.url.rpartition(":")[2])))
    small.sendall(GET)
    small.setblocking(False)
    return small


async def the_rest(reader):
    """All that still comes; a reset ends it as a close does."""
    got = b""
    async with asyncio.timeout(10):
        try:
            while piece := await reader.read(2**16):
                got += piece
        except ConnectionError:
            pass
    return got


async def answer_to(site, data):
    """All that comes back for these bytes, until the server closes."""
    async with a_client(site, data) as (reader, _):
        return await the_rest(reader)


async def many(stack, site, count, data=b"", **more):
    """So many clients; their readers."""
    return [(await stack.enter_async_context(a_client(site, data, **more)))[0] for _ in range(count)]
