"""Applies changes to the object cache and to the rendered metrics. Only series that may have changed are rendered."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from exporter.cache import (
    CODERUNS,
    EVENTS,
    JOBS,
    LOGS,
    PODS,
    Change,
    ContainerLog,
    Event,
    Key,
    ObjectCache,
    Pod,
    Record,
)
from exporter.diagnosis.recorder import FlightRecorder
from exporter.exposition.compressed import CompressedFamilies
from exporter.exposition.exposition import Exposition
from exporter.exposition.family import Family
from exporter.resources import RESOURCES
from exporter.resources.lifecycle import LifecycleMetrics
from exporter.resources.resource import Resource

__all__ = ["MetricsStore"]

_JOINED = (CODERUNS, JOBS)  # series of each depend on the other
_ATTACHED = (PODS, EVENTS, LOGS)  # series of both depend on these
_MANY_PODS: Final = 20
"""A Job with more of them is rendered without a comparison: at a change of one, all would be compared."""
_Families = Mapping[str, Mapping[int, Family[Any, ObjectCache]]]
_EXPOSED: Final = {resource.table: resource for resource in RESOURCES if resource.families}


class MetricsStore:
    """Applies changes, and returns the exposition.

    `has_synced` returns whether all initial lists of a resource have completed, or were rejected. Its families are
    exposed after that. Another resource that fills the same table may sync later, or never. `has_logs`: families that
    are read from logs are exposed.
    """

    def __init__(
        self,
        *,
        cache: ObjectCache,
        lifecycle: LifecycleMetrics,
        has_synced: Callable[[str], bool],
        recorder: FlightRecorder,
        has_logs: bool = False,
    ) -> None:
        self.cache = cache
        self._recorder = recorder
        self._lifecycle = lifecycle
        self._table_has_synced = has_synced
        self._resources = {name: one if has_logs else one.without(LOGS) for name, one in _EXPOSED.items()}
        self._families = {table: dict(enumerate(resource.families)) for table, resource in self._resources.items()}
        self._joining = self._families_that_read(lambda name: name not in _ATTACHED)
        self._reading = {source: self._families_that_read(source.__eq__) for source in _ATTACHED}
        self._compressed = {table: self._compress(resource) for table, resource in self._resources.items()}

    def _families_that_read(self, is_read: Callable[[str], bool]) -> _Families:
        return {
            table: {at: family for at, family in some.items() if any(map(is_read, (*family.needs, *family.uses)))}
            for table, some in self._families.items()
        }

    def cached(self, table: str, uid: str) -> Any:
        """The cached record, to which a listed one is compared."""
        if table == EVENTS:
            return None
        return self.cache.pods.get(uid) if table == PODS else self.cache.get(Key(table, uid))

    # Changes.

    def replace(self, resource: str, partition: str, records: dict[str, Record]) -> None:
        """Replaces a partition after a list."""
        for _ in self.replacing(resource, partition, records):
            pass

    def replacing(self, resource: str, partition: str, records: dict[str, Record]) -> Iterator[None]:
        """Yields between the slices of an initial list of runs or Jobs, so that other changes may interleave.

        A partial list is never exposed, and until it is complete no run lacks a Job.
        """
        if resource in _JOINED and not self.cache.table(resource).known(partition):
            for some in self.cache.load(resource, partition, records):
                self._compressed[resource].extend([record.uid for record in some])
                for record in some:
                    self._lifecycle.init_series(record)
                yield
            for name in _JOINED:
                self._compressed[name].mark_all_dirty()
            return
        pairs = self.cache.replace(resource, partition, records)
        for old, new in pairs:
            self._update_members(resource, old, new)
            self._touch(self._related(resource, old, new))
            self._lifecycle.observe(old, new)
        self._recorder.replaced(pairs)

    def put(self, change: Change) -> None:
        """Applies a change. Compares the samples of the object and of related objects before and after it."""
        changed_key = Key(change.resource, change.uid)
        old = self.cache.get(changed_key)
        if old == change.record:
            return
        if change.record is None:
            self._recorder.before_removal(old)
        related = self._related(change.resource, old, change.record)
        with self._comparing({key: self._families if key == changed_key else self._joining for key in related}):
            self.cache.apply(change)
            self._update_members(change.resource, old, change.record)
        self._lifecycle.observe(old, change.record)
        self._recorder.observe(old, change.record)

    def put_pod(self, partition: str, uid: str, pod: Pod | None) -> None:
        """Applies a change of a Pod of a Job; None: it was deleted, or has succeeded."""
        old, pod = self.cache.pods.get(uid), None if pod is None else self.cache.owned(pod)
        if old is not None and pod is None and not self._has_many_pods(old.owner):
            self._recorder.before_removal(self.cache.jobs.get(old.owner))
        if old != pod:
            families = self._reading[PODS]
            with self._comparing({Key(JOBS, one.owner): families for one in (old, pod) if one is not None}):
                self.cache.put_pod(partition, uid, pod)

    def put_event(self, event: Event) -> None:
        """Adds an Event about a run, a Job or a Pod."""
        newest = next(iter(self.cache.events_about(event.about)), event)
        if newest is not event and (newest.uid, newest.note) == (event.uid, event.note):
            self.cache.events.add(event)  # the same words once more, which are most Events
            return
        pod, families = self.cache.pods.get(event.about), self._reading[EVENTS]
        keys = (Key(JOBS, pod.owner if pod else event.about), Key(CODERUNS, event.about))
        with self._comparing(dict.fromkeys(keys, families)):
            self.cache.events.add(event)

    def put_log(self, job: str, log: ContainerLog) -> None:
        """Adds what the log of a container of this Job, by its UID, says."""
        if not self.cache.logs.has(job, log):
            with self._comparing({Key(JOBS, job): self._reading[LOGS]}):
                self.cache.logs.put(job, log)

    def advance(self, now: float) -> None:
        """Advances the clock. Objects whose retention has passed are no longer exposed."""
        self._touch(self.cache.advance(now))
        self._recorder.advance(now)

    def follow_jobs(self, partition: str, *, current: bool) -> None:
        """Records whether the workers in this partition are watched; see `ObjectCache.job_state_unknown`."""
        for run in self.cache.follow_jobs(partition, current=current):
            self._touch(self._related(CODERUNS, run))

    # Exposition.

    def render(self, *, seconds: float) -> bool:
        """Renders dirty blocks for about `seconds`. Returns whether all are clean."""
        until = time.monotonic() + seconds
        return all(families.render(until=until) for families in self._exposed())

    @property
    def has_synced(self) -> bool:
        """Whether the initial lists of all resources have completed, or were rejected."""
        return all(map(self._table_has_synced, self._compressed))

    @property
    def complete(self) -> bool:
        """Whether every exposed block has been rendered: dirty blocks are then stale by seconds, not missing."""
        return all(families.complete for families in self._exposed())

    def exposition(self, *, tail: str) -> Exposition:
        """The current exposition. Requires `complete`; up to date after `render` has returned True."""
        return Exposition(
            [
                self._compressed[table].family(index)
                for table, resource in self._resources.items()
                for index, family in enumerate(resource.families)
                if all(map(self._table_has_synced, (table, *family.needs)))
            ],
            tail=tail,
        )

    def _exposed(self) -> Sequence[CompressedFamilies]:
        return [families for name, families in self._compressed.items() if self._table_has_synced(name)]

    def _compress(self, resource: Resource) -> CompressedFamilies:
        table = self.cache.table(resource.table)
        is_exposed, cache = self.cache.is_exposed, self.cache

        def lines(families: Sequence[int], uids: Sequence[str]) -> list[str]:
            return resource.lines(families, filter(is_exposed, table.pick(uids)), cache)

        def prefixes(family: int, uids: Sequence[str]) -> list[str]:
            return resource.prefixes(family, table.pick(uids))

        return CompressedFamilies(heads=[family.head for family in resource.families], lines=lines, prefixes=prefixes)

    def _update_members(self, resource: str, old: Record | None, new: Record | None) -> None:
        """Adds or removes an object. A renamed object is removed first, because its lines have another prefix."""
        if old is not None and new is not None and (old.namespace, old.name) == (new.namespace, new.name):
            return
        if old is not None:
            self._compressed[resource].remove(old.uid)
        if new is not None:
            self._compressed[resource].add(new.uid)

    def _related(self, table: str, *items: Record | None) -> set[Key]:
        related = _EXPOSED[table].related
        return {key for item in items if item is not None for key in related(item, self.cache)}

    def _samples(self, key: Key, families: _Families) -> dict[int, object] | None:
        """The samples of an object by family; None if it is not exposed."""
        record = self.cache.get(key)
        if record is None or not self.cache.is_exposed(record):
            return None
        return {index: family.samples(record, self.cache) for index, family in families[key.resource].items()}

    @contextlib.contextmanager
    def _comparing(self, families: Mapping[Key, _Families]) -> Iterator[None]:
        """Compares the samples of these objects before and after a change, in these families."""
        many = {key for key in families if self._has_many_pods(key.uid)}
        before = {key: self._samples(key, some) for key, some in families.items() if key not in many}
        yield
        for key in many:
            self._compressed[key.resource].mark_dirty(key.uid, families[key][key.resource])
        for key, samples in before.items():
            now = self._samples(key, families[key])
            if samples is None or now is None:
                if samples is not now:
                    self._touch({key})
            elif different := [family for family, sample in now.items() if sample != samples[family]]:
                self._compressed[key.resource].mark_dirty(key.uid, different)

    def _has_many_pods(self, job: str) -> bool:
        return self.cache.pods.number_of(job) > _MANY_PODS

    def _touch(self, keys: set[Key]) -> None:
        for key in keys:
            self._compressed[key.resource].mark_dirty(key.uid)
