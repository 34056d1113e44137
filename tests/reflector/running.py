"""A running reflector that sends real requests to a stand-in API server, and a clock that only its waits advance."""

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
    """The metadata of the object."""

    name: str | None = None
    uid: str | None = None
    resource_version: str | None = None


class Spec(msgspec.Struct, rename="camel"):
    """The spec of the object."""

    task_id: int | None = None


class Wire(msgspec.Struct):
    """The object that the tests watch."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: Spec | None = None


_DECODER = Decoder(Wire)


def decode(raw):
    """Decodes an object to (name, task ID). An object whose name begins with `x` has no record."""
    item, whole = _DECODER.decode(raw)
    meta = item.metadata
    record = None if (meta.name or "").startswith("x") else (meta.name, item.spec.task_id if item.spec else None)
    return Decoded(meta.uid or "", meta.resource_version or "", record, whole)


class RecordingSink:
    """A sink that records its calls."""

    def __init__(self):
        self.records = {}
        self.replaced = []
        self.states = []

    async def replace(self, records):
        """Replaces all records."""
        self.records = dict(records)
        self.replaced.append(sorted(name for name, _ in records.values()))

    def upsert(self, uid, record):
        """Adds or updates a record."""
        self.records[uid] = record

    def delete(self, uid):
        """Deletes a record."""
        self.records.pop(uid, None)

    def set_state(self, state):
        """Records the state."""
        self.states.append(state)

    @property
    def names(self):
        """The sorted names of all records."""
        return sorted(name for name, _ in self.records.values())


class RunningReflector:
    """A running reflector and its parts. `waits` are the durations of its waits in seconds."""

    def __init__(self, *, sleeps):
        self.now = 1_700_000_000.0
        self.sink = RecordingSink()
        self.waits = []
        self.telemetry = Telemetry(clock=lambda: self.now)
        self.status = self.telemetry.resource(resource="coderuns", scope="*", required=True)
        self.sleeps = sleeps
        self.task = None
        self.client = None

    async def sleep(self, seconds):
        """Advances the clock without waiting. After `sleeps` calls it blocks until the test increases `sleeps`."""
        self.waits.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)
        while len(self.waits) > self.sleeps:
            await asyncio.sleep(0.002)

    def count(self, name, **labels):
        """The value of one of the exporter's own metrics."""
        labels = {"resource": "coderuns", "scope": "*", **labels}
        return self.telemetry.registry.get_sample_value(f"coderun_exporter_{name}", labels)

    @property
    def state(self):
        """The state whose sample is 1."""
        states = ("syncing", "watching", "missing", "forbidden", "unauthorized", "unreachable")
        (state,) = [state for state in states if self.count("resource_state", state=state)]
        assert state == self.status.state
        return state


@contextlib.asynccontextmanager
async def running_reflector(url, folder, *, sleeps=1000, chance=1.0, idle=5.0, user=None, path=RUNS, **source):
    """Runs a reflector of the runs of one namespace. With `chance` 1.0 every wait has its maximum.

    A watch counts as accepted after 20 ms.
    """
    running = RunningReflector(sleeps=sleeps)
    kubeconfig = a_kubeconfig(folder, cluster={"server": url}, user=user)
    settle = mock.patch("exporter.kube.client._ACCEPT_SECONDS", 0.02)
    async with KubeClient(credentials=await load(kubeconfig)) as client:
        task = asyncio.create_task(
            reflect(
                client=client,
                source=Source(path=path, decode=decode, **({"is_custom_resource": True} | source)),
                sink=running.sink,
                status=running.status,
                backoff=Backoff(chance=lambda: chance),
                idle=idle,
                sleep=running.sleep,
                monotonic=lambda: running.now,
            )
        )
        running.task, running.client = task, client
        try:
            with settle:
                yield running
            assert not task.done(), "a reflector never ends"
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def always_respond(server, make):
    """Responds to every request with `make()`, until the test sets `server.intercept = None`."""

    async def intercept(request):
        answer = make()
        return await answer(request) if callable(answer) else answer

    server.intercept = intercept
