"""Reads the logs that are due, and adds what they say to the cache. One task owns all requests."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing

from exporter.kube.client import KubeClient
from exporter.kube.errors import KubeError
from exporter.log_polling.container import ContainerReader, NewReader, Reading
from exporter.log_polling.due_queue import DueQueue
from exporter.log_polling.lines import LogLines, RawLine
from exporter.log_polling.metrics import LogMetrics
from exporter.log_polling.pauses import Pauses
from exporter.log_polling.states import (
    BETWEEN,
    EMPTY,
    ERROR,
    FORBIDDEN,
    GONE,
    OK,
    SLOW,
    count_unreadable,
    state_after,
)
from exporter.log_polling.targets import Target, is_ended, targets
from exporter.notices import Notices
from exporter.resources.metrics_store import MetricsStore

__all__ = ["LogPoller"]

_log = logging.getLogger(__name__)

_TICK_SECONDS = 0.5
_SCAN_SECONDS = 5.0
_TIMEOUT_SECONDS = 10.0


class LogPoller:
    """`clock` returns seconds since the epoch. `notices` has the namespaces in which logs cannot be read."""

    def __init__(
        self,
        *,
        store: MetricsStore,
        client: KubeClient,
        clock: Callable[[], float],
        new_reader: NewReader,
        metrics: LogMetrics,
        notices: Notices,
    ) -> None:
        self._store = store
        self._client = client
        self._clock = clock
        self._new_reader = new_reader
        self._metrics = metrics
        self._pauses = Pauses(notices)
        self._started = clock()
        self._containers: dict[str, ContainerReader] = {}
        self._queue = DueQueue()
        self._now = self._scan_at = float("-inf")
        self._logged: set[str] = set()

    @property
    def states(self) -> Mapping[str, int]:
        """The number of containers by the state of their last read."""
        return self._metrics.states

    async def run(self) -> None:
        """Reads logs until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._tick(tasks)
                await asyncio.sleep(_TICK_SECONDS)

    async def poll(self) -> None:
        """Reads all logs that are due now, for clocks that are set."""
        async with asyncio.TaskGroup() as tasks:
            self._scan_at = float("-inf")
            await self._tick(tasks)

    async def _tick(self, tasks: asyncio.TaskGroup) -> None:
        before, self._now = self._now, self._clock()
        if self._now < before:
            self._queue.shift(self._now - before)  # the clock was set back
            self._scan_at = self._now
        if self._now >= self._scan_at:
            self._scan_at = self._now + _SCAN_SECONDS
            await self._scan()
        self._start(tasks)

    def _start(self, tasks: asyncio.TaskGroup) -> None:
        while (key := self._queue.take(self._clock())) is not None:
            tasks.create_task(self._poll(self._containers[key], tasks))

    # Containers.

    async def _scan(self) -> None:
        """Adds containers that have started, ends containers that no longer run, and finds stale reports."""
        cache = self._store.cache
        live = await targets(cache)
        places = {one.place for one in live.values()}
        for key, one in list(self._containers.items()):
            if cache.jobs.get(one.target.job) is None:
                self._drop(key)
            elif key not in live and is_ended(one.target, cache):
                self._end(one)
                one.previous = one.target.place in places
        for one in self._containers.values():
            if one.expire(self._now):
                self._store.put_log(one.target.job, one.log)
        for key in live.keys() - self._containers.keys():
            self._add(live[key])
        self._pauses.keep(one.target.namespace for one in self._containers.values())
        states = ((one.target.namespace, one.state) for one in self._containers.values())
        self._metrics.set_unreadable(count_unreadable(states))

    def _add(self, target: Target) -> None:
        one = ContainerReader(target, self._new_reader(target.cli), started=self._started)
        self._containers[target.key] = one
        self._store.put_log(target.job, one.log)
        self._put(one, one.schedule.first(self._clock()))

    def _end(self, one: ContainerReader) -> None:
        if not one.ended:
            one.ended = True
            if not self._queue.is_running(one.target.key):
                self._put(one, one.schedule.at_end(self._clock()))

    def _drop(self, key: str) -> None:
        self._metrics.change(self._containers.pop(key).state, "")
        self._queue.remove(key)

    def _put(self, one: ContainerReader, at: float) -> None:
        self._queue.put(one.target.key, one.target.node, at)

    # Requests.

    async def _poll(self, one: ContainerReader, tasks: asyncio.TaskGroup) -> None:
        reading, was_ended, key = Reading(ERROR), one.ended, one.target.key
        try:
            if self._pauses.until(one.target.namespace, now=self._clock()) is None:
                reading = await self._read(one, is_over=was_ended)
            else:
                reading = Reading(FORBIDDEN)
        except Exception as error:  # noqa: BLE001 - a bug must not stop the others; its words may be those of the log
            self._log_bug(type(error).__name__)
        finally:
            self._queue.done(key, is_slow=reading.state == SLOW)
        if self._containers.get(key) is one:
            self._settle(one, reading, was_ended=was_ended)
        self._start(tasks)

    def _log_bug(self, error: str) -> None:
        """Logs each type of error once: a bug in a format fails for each container, every minute."""
        if error not in self._logged:
            self._logged.add(error)
            _log.error("Failed to read a log", extra={"error": error})

    async def _read(self, one: ContainerReader, *, is_over: bool) -> Reading:
        target, code = one.target, "200"
        with self._client.budget.share(target.path) as share:
            lines = LogLines(share)
            try:
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    await self._receive(one, lines)
            except TimeoutError:
                code, state = "timeout", SLOW
            except KubeError as error:
                code, state = error.code, state_after(error)
                if state == FORBIDDEN:
                    self._pauses.begin(target.namespace, code=code, now=self._clock())
            self._metrics.requests.labels(code).inc()
            if code != "200":
                return Reading(state)
            self._pauses.end(target.namespace)
            return await self._parse(one, lines.finish(is_over=is_over))

    async def _receive(self, one: ContainerReader, lines: LogLines) -> None:
        async with aclosing(self._client.log(one.target.path, one.params(self._clock()))) as pieces:
            async for piece in pieces:
                lines.feed(piece)

    async def _parse(self, one: ContainerReader, lines: Iterable[RawLine]) -> Reading:
        reading = one.select(lines)
        self._metrics.unstamped.inc(reading.unstamped)
        if reading.gap:
            self._metrics.gaps.labels(reading.gap).inc()
        before = one.log.report.unread
        for _ in one.feed(reading.lines, self._clock()):
            await asyncio.sleep(0)
        report = one.log.report
        if report.unread > before:
            self._metrics.unread.labels(report.format).inc(report.unread - before)
        return reading

    def _settle(self, one: ContainerReader, reading: Reading, *, was_ended: bool) -> None:
        """Adds the report to the cache, and determines the next read."""
        now, is_read = self._clock(), reading.state in {OK, EMPTY}
        self._metrics.change(one.state, reading.state)
        one.state = reading.state
        if is_read:
            at = one.schedule.after_success(now, after_word=one.after_word)
        elif reading.state == FORBIDDEN and not was_ended:
            at = self._pauses.until(one.target.namespace, now=now) or now
        else:
            at = one.schedule.after_failure(now)
        one.is_over = was_ended and (is_read or reading.state == GONE or one.schedule.is_exhausted)
        if is_read:
            one.record_success(now)
        one.has_gap |= reading.gap == BETWEEN
        one.is_complete = one.is_over and is_read and not (one.has_gap or reading.rotated)
        if is_read or one.is_over:
            self._store.put_log(one.target.job, one.log)
        if one.is_over:
            self._drop(one.target.key)
        else:
            self._put(one, one.schedule.at_end(now) if one.ended and not was_ended else at)
