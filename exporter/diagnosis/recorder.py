"""The flight recorder keeps the explanations of runs that ended or were deleted for 24 hours, in memory.

A record is the last explanation of a run, with workers (its Jobs or Pods), pods and Events that no longer exist. At
most 1,000 runs and 20 MiB are kept; the run whose last change is the oldest is dropped first.
"""

import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from exporter.cache import Job, ObjectCache, Record, Run
from exporter.diagnosis.causes import rank
from exporter.diagnosis.explaining import explanation_of
from exporter.diagnosis.explanation import EventView, Explanation, FindingView, PodView, WorkerView, time_of
from exporter.diagnosis.findings import NO_FAULT
from exporter.diagnosis.target import Target
from exporter.diagnosis.timeline import timeline_of

__all__ = ["FlightRecorder"]

_RETENTION_SECONDS: Final = 86_400.0
_MAX_RUNS: Final = 1_000
_MAX_BYTES: Final = 20 << 20
_MAX_RECORD_BYTES: Final = 1 << 20
"""Maximum size of one record in bytes; larger records lose Events and older workers."""
_MAX_WORKERS: Final = 10
_MAX_PODS: Final = 10
_MANY_JOBS: Final = 50
"""A run with more Jobs is recorded when it or its newest Job ends or is deleted."""
_MAX_EVENTS: Final = 20

_log = logging.getLogger(__name__)

_decode = msgspec.json.Decoder(Explanation).decode


class _Recorded(NamedTuple):
    """`key` is namespace and name; `moment` is the time of the last change, in seconds since the epoch."""

    key: tuple[str, str]
    names: frozenset[str]
    """The names of its workers."""
    moment: float
    data: bytes


class FlightRecorder:
    """Records explanations. `started`: the time since which it records, in seconds since the epoch."""

    def __init__(self, cache: ObjectCache, *, started: float) -> None:
        self._cache = cache
        self._runs: OrderedDict[str, _Recorded] = OrderedDict()
        self.size = 0
        self.started = started

    def __len__(self) -> int:
        return len(self._runs)

    def before_removal(self, old: Record | None) -> None:
        """Records the run of `old` before a run, a Job or a Pod of a Job is removed from the cache."""
        if isinstance(old, Job):
            run = self._cache.run_of(old)
            if run is None or not self._is_one_of_many(old, run):
                self._record(run or old, deleted=None if run else self._cache.now)
        elif isinstance(old, Run):
            self._record(old, deleted=self._cache.now)

    def observe(self, old: Record | None, new: Record | None) -> None:
        """Records a run when it or its Job ends."""
        if isinstance(new, Run | Job) and _has_ended(old, new):
            run = self._cache.run_of(new) if isinstance(new, Job) else None
            if run is None or not isinstance(new, Job) or not self._is_one_of_many(new, run):
                self._record(run or new)

    def replaced(self, pairs: Sequence[tuple[Record | None, Record | None]]) -> None:
        """Records the runs that ended or were deleted according to a new list: at most as many as are kept."""
        ended = [(old, new) for old, new in pairs if new is None or _has_ended(old, new)]
        for old, new in ended[-_MAX_RUNS:]:
            if new is None:
                self.before_removal(old)
            else:
                self.observe(old, new)

    def advance(self, now: float) -> None:
        """Drops records that are older than 24 hours."""
        while self._runs and next(iter(self._runs.values())).moment + _RETENTION_SECONDS <= now:
            self._drop(next(iter(self._runs)))

    def find(self, target: Target) -> list[Explanation]:
        """The recorded runs with this name, or whose worker has this name; the newest first."""
        found = [one for one in self._runs.values() if target.is_(*one.key) or self._has_worker(one, target)]
        return [self._shown(one) for one in reversed(found)]

    def completed(self, run: Explanation) -> Explanation:
        """The explanation of an existing run, completed with its record."""
        recorded = self._runs.get(run.uid)
        return _with_timeline(run) if recorded is None else _merged(_decode(recorded.data), run)

    def _is_one_of_many(self, job: Job, run: Run) -> bool:
        """Whether the run has very many other Jobs: an explanation reads all of them, and contains ten."""
        return len(self._cache.jobs_of(run)) > _MANY_JOBS and self._cache.newest_job(run) is not job

    def _has_worker(self, one: _Recorded, target: Target) -> bool:
        return target.name in one.names and target.namespace in {"", one.key[0]}

    def _shown(self, one: _Recorded) -> Explanation:
        run = _decode(one.data)
        moment = time_of(one.moment)
        note = f"Recorded at {moment:%Y-%m-%dT%H:%M:%SZ}, and kept in memory for 24 h: the run no longer exists"
        return msgspec.structs.replace(run, recorded=moment, notes=(note,))

    def _record(self, item: Run | Job, *, deleted: float | None = None) -> None:
        try:
            self._put(item, deleted=deleted)
        except Exception:  # noqa: BLE001 - a bug here must not stop the resource
            _log.exception("Failed to record a run, skipping it", extra={"namespace": item.namespace})

    def _put(self, item: Run | Job, *, deleted: float | None) -> None:
        now = self._cache.now
        run = _with_timeline(explanation_of(item, self._cache))
        if (before := self._runs.get(item.uid)) is not None:
            run = _merged(_decode(before.data), run)
        if deleted is not None and run.deleted is None:
            run = _with_timeline(msgspec.structs.replace(run, deleted=time_of(deleted)))
        data = msgspec.json.encode(run)
        if len(data) > _MAX_RECORD_BYTES:
            run = msgspec.structs.replace(run, workers=run.workers[:1], events=())
            data = msgspec.json.encode(run)
        self._drop(item.uid)
        names = frozenset(worker.name for worker in run.workers)
        self._runs[item.uid] = _Recorded((item.namespace, item.name), names, now, data)
        self.size += len(data)
        while len(self._runs) > _MAX_RUNS or self.size > _MAX_BYTES:
            self._drop(next(iter(self._runs)))

    def _drop(self, uid: str) -> None:
        if (old := self._runs.pop(uid, None)) is not None:
            self.size -= len(old.data)


def _has_ended(old: Record | None, new: Record | None) -> bool:
    """Whether this change ended a run or a Job."""
    return _is_over(new) and not _is_over(old)


def _is_over(item: Record | None) -> bool:
    return item.terminal if isinstance(item, Run) else bool(item.result) if isinstance(item, Job) else False


def _with_timeline(run: Explanation) -> Explanation:
    return msgspec.structs.replace(run, timeline=timeline_of(run))


def _merged(before: Explanation, now: Explanation) -> Explanation:
    """The current explanation, with workers, pods and Events of the record that no longer exist.

    If the run still has a fault, it keeps the recorded findings: the objects that showed them may no longer exist.
    """
    merged = msgspec.structs.replace(
        now,
        workers=_workers(before.workers, now.workers),
        events=_events((*now.events, *before.events)),
        findings=now.findings if now.verdict == NO_FAULT else _findings(before.findings, now.findings),
        timeline=before.timeline,
    )
    return _with_timeline(merged)


def _findings(before: Iterable[FindingView], now: Iterable[FindingView]) -> tuple[FindingView, ...]:
    """One finding for each cause, the current one if there is one, in the order of the table of causes."""
    unique = {one.cause: one for one in before if one.fault} | {one.cause: one for one in now}
    return tuple(sorted(unique.values(), key=lambda one: rank(one.cause)))


def _workers(before: Iterable[WorkerView], now: Iterable[WorkerView]) -> tuple[WorkerView, ...]:
    old = {(one.kind, one.name, one.created): one for one in before}
    kept = []
    for one in now:
        gone = old.pop((one.kind, one.name, one.created), None)
        kept.append(one if gone is None else msgspec.structs.replace(one, pods=_pods(one.pods, gone.pods)))
    return (*kept, *(msgspec.structs.replace(one, current=False) for one in old.values()))[:_MAX_WORKERS]


def _pods(now: Iterable[PodView], before: Iterable[PodView]) -> tuple[PodView, ...]:
    names = {one.name: one for one in (*before, *now)}
    order = [*(one.name for one in now), *(one.name for one in before)]
    return tuple(names[name] for name in dict.fromkeys(order))[:_MAX_PODS]


def _events(every: Iterable[EventView]) -> tuple[EventView, ...]:
    unique = {(one.object, one.reason, one.note): one for one in reversed([*every])}
    return tuple(sorted(unique.values(), key=lambda one: str(one.last), reverse=True))[:_MAX_EVENTS]
