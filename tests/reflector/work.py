"""A reflector at work: real requests to a stand-in, and a clock that only its own sleeps move."""

import asyncio
import contextlib
from unittest import mock

import msgspec

from exporter.kube.client import KubeClient
from exporter.kube.decode import Decoder
from exporter.reflector import Backoff, Decoded, Source, reflect
from exporter.telemetry import Telemetry
from tests.clusters import RUNS
from tests.kube.settings import a_kubeconfig, load


class Meta(msgspec.Struct, rename="camel"):
    """A part of the object."""

    name: str | None = None
    uid: str | None = None
    resource_version: str | None = None


class Spec(msgspec.Struct, rename="camel"):
    """A part of the object."""

    task_id: int | None = None


class Wire(msgspec.Struct):
    """The object that the tests watch."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: Spec | None = None


_DECODER = Decoder(Wire)


def decode(raw):
    """The record is the name with the task; an object of another task than a number has none; `x...` is not ours."""
    item, whole = _DECODER.decode(raw)
    meta = item.metadata
    record = None if (meta.name or "").startswith("x") else (meta.name, item.spec.task_id if item.spec else None)
    return Decoded(meta.uid or "", meta.resource_version or "", record, whole)


class Kept:
    """A sink that remembers what was done to it."""

    def __init__(self):
        self.records = {}
        self.replaced = []
        self.said = []

    async def replace(self, records):
        """A whole new state."""
        self.records = dict(records)
        self.replaced.append(sorted(name for name, _ in records.values()))

    def upsert(self, uid, record):
        """Adds or updates a record."""
        self.records[uid] = record

    def delete(self, uid):
        """Deletes a record."""
        self.records.pop(uid, None)

    def set_state(self, state):
        """Sets the state."""
        self.said.append(state)

    @property
    def names(self):
        """The names of what is there."""
        return sorted(name for name, _ in self.records.values())


class Work:
    """The parts of a running reflector. `waits` are the seconds that it slept."""

    def __init__(self, *, sleeps):
        self.now = 1_700_000_000.0
        self.sink = Kept()
        self.waits = []
        self.telemetry = Telemetry(clock=lambda: self.now)
        self.status = self.telemetry.resource(resource="coderuns", scope="*", required=True)
        self.sleeps = sleeps
        self.task = None
        self.client = None

    async def sleep(self, seconds):
        """Costs no real time; after `sleeps` of them it lasts until the test allows more."""
        self.waits.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)
        while len(self.waits) > self.sleeps:
            await asyncio.sleep(0.002)

    def count(self, name, **labels):
        """A sample of the exporter's own metrics."""
        labels = {"resource": "coderuns", "scope": "*", **labels}
        return self.telemetry.registry.get_sample_value(f"coderun_exporter_{name}", labels)

    @property
    def state(self):
        """The one state that is 1."""
        states = ("syncing", "watching", "missing", "forbidden", "unauthorized", "unreachable")
        (state,) = [state for state in states if self.count("resource_state", state=state)]
        assert state == self.status.state
        return state


@contextlib.asynccontextmanager
async def at_work(url, folder, *, sleeps=1000, chance=1.0, idle=5.0, user=None, path=RUNS, **source):
    """A reflector of the runs of one namespace. With `chance` 1.0 every wait is the longest that it may be.

    A watch is accepted when it has lasted for 20 ms.
    """
    work = Work(sleeps=sleeps)
    kubeconfig = a_kubeconfig(folder, cluster={"server": url}, user=user)
    settle = mock.patch("exporter.kube.client._ACCEPT_SECONDS", 0.02)
    async with KubeClient(credentials=await load(kubeconfig)) as client:
        task = asyncio.create_task(
            reflect(
                client=client,
                source=Source(path=path, decode=decode, **({"is_custom_resource": True} | source)),
                sink=work.sink,
                status=work.status,
                backoff=Backoff(chance=lambda: chance),
                idle=idle,
                sleep=work.sleep,
                monotonic=lambda: work.now,
            )
        )
        work.task, work.client = task, client
        try:
            with settle:
                yield work
            assert not task.done(), "a reflector never ends"
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def always(server, make):
    """Every request gets a fresh answer of this kind; `server.intercept = None` ends it."""

    async def intercept(request):
        answer = make()
        return await answer(request) if callable(answer) else answer

    server.intercept = intercept
