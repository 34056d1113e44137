"""Runs the simulated platform with all problems that the dashboards show, exporters, and a real Prometheus.

The past is simulated with a clock that is set back. Afterwards the clock is real, so that `time()` and the timestamps
of the objects agree in Prometheus. Counters must increase between two scrapes, so some runs end after the first
scrape.
"""

import asyncio
import contextlib
import functools
import pathlib
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Self

from aiohttp import web

from lab.apiserver import StandInApiServer
from lab.exporting import Exporter
from lab.kubeconfig import kubeconfig
from lab.monitoring.watched import Watched
from lab.platform.controller import JOBS, Platform
from lab.platform.generations import NEWEST, NOVEMBER
from lab.platform.manifests import GROUP, NAMESPACE, RunSpec
from lab.platform.workers import Workers
from lab.platform.writer import Writer
from lab.waiting import until

__all__ = [
    "DONE", "FAILED", "HANGING", "NO_POD", "OVERDUE", "PENDING", "RETRIED", "RUNS", "STALLED", "STALLS",
    "Scene", "Watched", "scene",
]  # fmt: skip

_MINUTE = 60.0
_HANGS = [RunSpec(task=task, agent="Tess", cli="factory", work_seconds=420, exits=("never",)) for task in (3, 4)]
_STALLS = [RunSpec(task=task, agent="Rex") for task in (1, 6, 9)]
_LONG = RunSpec(task=11, agent="Rex", cli="codex", work_seconds=10800)
_NO_POD = RunSpec(task=12, agent="Cleo", cli="cursor", exits=("no-pod",))
_PENDING = RunSpec(task=13, agent="Rex", cli="codex", exits=("pending",))
_FAILS = [RunSpec(task=task, agent="Rex", generation=NEWEST) for task in (21, 22, 23, 24)]
_PAST: tuple[tuple[float, Callable[["Scene"], Awaitable[None]]], ...] = (
    (100, lambda scene: scene.november.order([*_HANGS, _LONG])),
    (60, lambda scene: scene.november.lose_templates("claude")),
    (58, lambda scene: scene.november.order(_STALLS[:2])),
    (
        40,
        lambda scene: scene.november.order([RunSpec(task=7, agent="Cleo", cli="cursor", work_seconds=7200), _NO_POD]),
    ),
    (25, lambda scene: scene.newest.roll_out(missing_partial="shared/harness")),
    (20, lambda scene: scene.newest.order(_FAILS[:-1])),
    (
        20,
        lambda scene: scene.november.order([RunSpec(task=8, agent="Rex", cli="codex", work_seconds=7200), _PENDING]),
    ),
    (4, lambda scene: scene.november.order(_STALLS[2:])),
)
"""Actions in the past, each with its time in minutes before now."""
_PRESENT = (
    RunSpec(task=2, agent="Rex", cli="codex", work_seconds=250),
    RunSpec(task=10, agent="Cleo", cli="cursor", work_seconds=200),
    RunSpec(task=5, agent="Cipher", cli="codex", work_seconds=240, exits=("1",)),
)
"""Runs whose Jobs end after the start of Prometheus. The last one fails and is retried."""
STALLED, HANGING, DONE, RETRIED, FAILED = (
    one.name for one in (_STALLS[0], _HANGS[0], _PRESENT[0], _PRESENT[-1], _FAILS[0])
)
STALLS = {one.name for one in _STALLS}
OVERDUE, NO_POD, PENDING = {one.name for one in (*_HANGS, _LONG)}, _NO_POD.name, _PENDING.name
"""The runs whose Jobs exceed the default limit; the run whose Job has no pod; the run whose pod is pending."""
RUNS = dict.fromkeys((STALLED, HANGING, NO_POD, DONE, RETRIED), NAMESPACE) | {FAILED: NEWEST.namespace}
"""One run with each problem, and its namespace."""
_KINDS = {"coderuns": "CodeRun", "docsruns": "DocsRun"}
_SETTINGS = {
    "coderuns": {
        "kinds": [
            {"group": GROUP, "version": "v1", "plural": plural, "kind": kind} for plural, kind in _KINDS.items()
        ]
    }
}


class Scene:
    """The API server and the platform in their own thread. A context manager."""

    november: Platform
    newest: Platform

    def __init__(self, folder: pathlib.Path) -> None:
        self.kubeconfig = folder / "kubeconfig"
        self.now = time.time
        self._back = 100 * _MINUTE
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(timeout=60), "the platform's past could not be played"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def order(self) -> None:
        """Creates the runs that end after the start, with a creation time in the past and without Jobs."""
        self._do(self._order)

    def begin(self) -> None:
        """Starts the Jobs of these runs."""
        self._do(self._begin)

    def end(self) -> None:
        """Ends the Jobs of these runs."""
        self._do(self._end)

    def _do(self, deed: Callable[[], Awaitable[None]]) -> None:
        async def done() -> None:
            await deed()

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(timeout=60)

    def _clock(self) -> float:
        return time.time() - self._back

    async def _live(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        server = StandInApiServer(clock=self._clock, bookmark_interval=1.0)
        server.intercept = _refuse
        url = await server.start()
        self.kubeconfig.write_text(kubeconfig(url, namespace=NAMESPACE))
        async with Writer(base_url=url) as writer:
            self._writer = writer
            self.november = Platform(writer=writer, clock=self._clock, generation=NOVEMBER)
            self.newest = Platform(writer=writer, clock=self._clock, generation=NEWEST)
            self._workers = [
                Workers(writer=writer, clock=self._clock, generation=each) for each in (NOVEMBER, NEWEST)
            ]
            await self._past()
            self._ready.set()
            await self._over.wait()
        await server.stop()

    async def _past(self) -> None:
        """Simulates the past in steps of a minute."""
        for platform in (self.november, self.newest):
            await platform.install()
        script = list(_PAST)
        while self._back > 0:
            while script and script[0][0] * _MINUTE >= self._back:
                await script.pop(0)[1](self)
            await self._round()
            self._back -= _MINUTE
        self._back = 0
        for item in await self._writer.items(JOBS):
            if item["metadata"]["ownerReferences"][0]["name"] == HANGING:
                path = f"{JOBS}/{item['metadata']['name']}"
                await self._writer.patch(path, {"spec": {"activeDeadlineSeconds": 4 * 3600}})

    async def _order(self) -> None:
        self._back = 5 * _MINUTE
        await self.november.order(_PRESENT)
        await self.newest.order(_FAILS[-1:])

    async def _begin(self) -> None:
        self._back -= 20
        await self._round()

    async def _end(self) -> None:
        """Ends the Jobs. The retried attempt starts in the past too, fails again, and is retried again."""
        for back in (0, 0, 4.5 * _MINUTE, 0, 0, 0):
            self._back = back
            await self._round()
            await asyncio.sleep(1)

    async def _round(self) -> None:
        for platform in (self.november, self.newest):
            await platform.reconcile()
        for workers in self._workers:
            await workers.advance()


async def _refuse(request: web.Request) -> web.StreamResponse | None:
    """Denies access to one resource, so that an alert about the exporter fires."""
    if not request.path.endswith("/docsruns"):
        return None
    status = {"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403, "message": "not allowed"}
    return web.json_response(status, status=403)


@contextlib.contextmanager
def scene(folder: pathlib.Path, *, seconds: float = 12.0) -> Iterator[tuple[Watched, Watched]]:
    """Runs two Prometheus servers. The first one scrapes one exporter, the second one two replicas with `cluster`.

    All counters have increased, and `seconds` have passed since then.
    """
    with contextlib.ExitStack() as stack:
        platform = stack.enter_context(Scene(folder))
        exporters = [
            stack.enter_context(Exporter(folder / name, kubeconfig=platform.kubeconfig, settings=_SETTINGS))
            for name in ("first", "second")
        ]
        one = stack.enter_context(Watched(folder / "one", exporters=exporters[:1], cluster=""))
        two = stack.enter_context(Watched(folder / "two", exporters=exporters, cluster="one"))
        for each in (one, two):
            until(functools.partial(each.query, 'up{job="coderun-exporter"} == 1'), what="the exporters are scraped")
        platform.order()
        # Waits for this before the first Job, because increase() ignores the first value of a new counter.
        for each, replicas in ((one, 1), (two, 2)):
            query = f'count(coderun_job_creation_seconds_count{{agent=~".*ipher.*"}} == 0) == {replicas}'
            until(functools.partial(each.query, query), what="the exporters have received the runs")
        platform.begin()
        time.sleep(3)
        platform.end()
        for each in (one, two):
            query = 'agent:jobs_failed:ratio1h{agent=~".*ipher.*"} > 0'
            until(functools.partial(each.query, query), what="the failures are recorded")
        time.sleep(seconds)
        yield one, two
