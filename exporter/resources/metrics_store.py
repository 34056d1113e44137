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
    WORKFLOW_TEMPLATES,
    WORKFLOWS,
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

_JOINED = (CODERUNS, JOBS)  # the series of runs depend on Jobs, and those of Jobs on runs
_ATTACHED = (PODS, EVENTS, LOGS)  # the series of runs and Jobs depend on these; they have no series of their own
_MAX_COMPARED_PODS: Final = 20
"""A Job with more Pods is rendered again at each change of a Pod: a comparison would read all of its Pods."""
_Families = Mapping[str, Mapping[int, Family[Any, ObjectCache]]]
"""Families by table and by index in `Resource.families`."""
_WORKFLOW_TABLES: Final = frozenset({WORKFLOWS, WORKFLOW_TEMPLATES})
_EXPOSED: Final = {resource.table: resource for resource in RESOURCES if resource.families}


class MetricsStore:
    """Applies changes, and returns the exposition.

    `has_synced` returns whether all initial lists of a resource have completed, or were rejected. Its families are
    exposed after that. Another resource that fills the same table may sync later, or never. `has_logs`: families that
    are read from logs are exposed. `has_workflows`: the families of Argo Workflows are exposed.
    """

    def __init__(
        self,
        *,
        cache: ObjectCache,
        lifecycle: LifecycleMetrics,
        has_synced: Callable[[str], bool],
        recorder: FlightRecorder,
        has_logs: bool = False,
        has_workflows: bool = False,
    ) -> None:
        self.cache = cache
        self._recorder = recorder
        self._lifecycle = lifecycle
        self._table_has_synced = has_synced
        self._resources = {
            name: one if has_logs else one.without(LOGS)
            for name, one in _EXPOSED.items()
            if has_workflows or name not in _WORKFLOW_TABLES
        }
        self._families = {table: dict(enumerate(resource.families)) for table, resource in self._resources.items()}
        self._joined_families = self._select_families(lambda name: name not in _ATTACHED)
        self._families_reading = {source: self._select_families(source.__eq__) for source in _ATTACHED}
        self._compressed = {table: self._compress(resource) for table, resource in self._resources.items()}

    def _select_families(self, is_read: Callable[[str], bool]) -> _Families:
        """The families that read one of these other resources."""
        return {
            table: {at: family for at, family in some.items() if any(map(is_read, (*family.needs, *family.uses)))}
            for table, some in self._families.items()
        }

    def cached(self, table: str, uid: str) -> Any:
        """The cached record of this UID, which is reused if a list contains an equal one."""
        if table == EVENTS:
            return None
        return self.cache.pods.get(uid) if table == PODS else self.cache.get(Key(table, uid))

    # Changes.

    def replace(self, table: str, partition: str, records: dict[str, Record]) -> None:
        """Replaces a partition of a table after a list."""
        for _ in self.replace_in_slices(table, partition, records):
            pass

    def replace_in_slices(self, table: str, partition: str, records: dict[str, Record]) -> Iterator[None]:
        """Like `replace`, but yields after each slice of an initial list, so that other tasks can run.

        A partial list is never exposed, and until it is complete no run is reported to have no Job.
        """
        if table in _JOINED and not self.cache.table(table).known(partition):
            for some in self.cache.load(table, partition, records):
                self._compressed[table].extend([record.uid for record in some])
                for record in some:
                    self._lifecycle.add(record)
                yield
            for name in (*_JOINED, WORKFLOWS):
                if name in self._compressed:
                    self._compressed[name].mark_all_dirty()
            return
        known = self.cache.pull_requests.number_of_kinds
        pairs = self.cache.replace(table, partition, records)
        if self.cache.pull_requests.number_of_kinds > known:
            self._mark_dirty({Key(CODERUNS, run.uid) for run in self.cache.runs if run.pull_request is False})
        for old, new in pairs:
            self._update_members(table, old, new)
            self._mark_dirty(self._related(table, old, new))
            self._lifecycle.observe(old, new)
        self._recorder.replaced(pairs)

    def apply(self, change: Change) -> None:
        """Applies a change to the cache, and marks the families as dirty whose samples differ after it.

        Compares the samples of the object and of the objects that it affects (`Resource.related`).
        """
        changed_key = Key(change.table, change.uid)
        old = self.cache.get(changed_key)
        if old == change.record:
            return
        if change.record is None:
            self._recorder.before_removal(old)
        related = self._related(change.table, old, change.record)
        with self._marking_changed(
            {key: self._families if key == changed_key else self._joined_families for key in related}
        ):
            self.cache.apply(change)
            self._update_members(change.table, old, change.record)
        self._lifecycle.observe(old, change.record)
        self._recorder.observe(old, change.record)

    def put_pod(self, partition: str, uid: str, pod: Pod | None) -> None:
        """Adds or updates a Pod of a Job. None: it was deleted, or has succeeded."""
        old, pod = self.cache.pods.get(uid), None if pod is None else self.cache.with_owner_uid(pod)
        if old is not None and pod is None and not self._has_many_pods(old.owner):
            self._recorder.before_removal(self.cache.jobs.get(old.owner))
        if old != pod:
            families = self._families_reading[PODS]
            with self._marking_changed({Key(JOBS, one.owner): families for one in (old, pod) if one is not None}):
                self.cache.put_pod(partition, uid, pod)

    def put_event(self, event: Event) -> None:
        """Adds an Event about a run, a Job or a Pod of a Job."""
        newest = next(iter(self.cache.events_about(event.about)), event)
        if newest is not event and (newest.uid, newest.note) == (event.uid, event.note):
            self.cache.events.add(event)  # most Events only repeat the newest one
            return
        pod, families = self.cache.pods.get(event.about), self._families_reading[EVENTS]
        keys = (Key(JOBS, pod.owner if pod else event.about), Key(CODERUNS, event.about))
        with self._marking_changed(dict.fromkeys(keys, families)):
            self.cache.events.add(event)

    def put_log(self, job: str, log: ContainerLog) -> None:
        """Adds the report about the log of a container of this Job. `job` is its UID."""
        record = self.cache.jobs.get(job)
        if record is None or self.cache.logs.has(job, log):
            return
        families = self._families_reading[LOGS]
        runs = (run for owner in self.cache.runs_of(record) for run in self.cache.with_controllers(owner))
        with self._marking_changed({Key(JOBS, job): families} | {Key(CODERUNS, run.uid): families for run in runs}):
            old = self.cache.logs.put(job, log)
        if self._lifecycle.usage is not None:
            self._lifecycle.usage.observe(record, old, log)
        self._lifecycle.update_outcomes(record)

    def advance(self, now: float) -> None:
        """Advances the clock. Objects whose retention has passed are no longer exposed."""
        self._mark_dirty(self.cache.advance(now))
        self._recorder.advance(now)
        if self._lifecycle.usage is not None:
            self._lifecycle.usage.advance(now)

    def set_jobs_watched(self, partition: str, *, current: bool) -> None:
        """Records whether the Jobs of this partition are being watched; see `ObjectCache.job_state_unknown`."""
        for run in self.cache.set_jobs_watched(partition, current=current):
            self._mark_dirty(self._related(CODERUNS, run))

    # Exposition.

    def render(self, *, seconds: float) -> bool:
        """Renders the dirty blocks of `CompressedFamilies` for about `seconds`. Returns whether all are clean."""
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

        def render_text(families: Sequence[int], uids: Sequence[str]) -> list[str]:
            return resource.render_text(families, filter(is_exposed, table.pick(uids)), cache)

        def prefixes(family: int, uids: Sequence[str]) -> list[str]:
            return resource.prefixes(family, table.pick(uids))

        heads = [family.head for family in resource.families]
        return CompressedFamilies(heads=heads, render_text=render_text, prefixes=prefixes)

    def _update_members(self, table: str, old: Record | None, new: Record | None) -> None:
        """Adds or removes an object. A renamed object is removed first, because its lines have another prefix."""
        if old is not None and new is not None and (old.namespace, old.name) == (new.namespace, new.name):
            return
        if old is not None:
            self._compressed[table].remove(old.uid)
        if new is not None:
            self._compressed[table].add(new.uid)

    def _related(self, table: str, *items: Record | None) -> set[Key]:
        related = _EXPOSED[table].related
        return {key for item in items if item is not None for key in related(item, self.cache)}

    def _samples(self, key: Key, families: _Families) -> dict[int, object] | None:
        """The samples of an object by family; None if it is not exposed."""
        record = self.cache.get(key)
        if record is None or not self.cache.is_exposed(record):
            return None
        return {index: family.samples(record, self.cache) for index, family in families[key.table].items()}

    @contextlib.contextmanager
    def _marking_changed(self, families: Mapping[Key, _Families]) -> Iterator[None]:
        """Compares the samples of these objects before and after a change. Marks families that differ as dirty."""
        many = {key for key in families if self._has_many_pods(key.uid)}
        before = {key: self._samples(key, some) for key, some in families.items() if key not in many}
        yield
        for key in many:
            self._compressed[key.table].mark_dirty(key.uid, families[key][key.table])
        for key, samples in before.items():
            now = self._samples(key, families[key])
            if samples is None or now is None:
                if samples is not now:
                    self._mark_dirty({key})
            elif different := [family for family, sample in now.items() if sample != samples[family]]:
                self._compressed[key.table].mark_dirty(key.uid, different)

    def _has_many_pods(self, job: str) -> bool:
        return self.cache.pods.number_of(job) > _MAX_COMPARED_PODS

    def _mark_dirty(self, keys: set[Key]) -> None:
        for key in keys:
            self._compressed[key.table].mark_dirty(key.uid)
