"""Collects the objects of a cluster or a dump, and explains the runs among them with the code of the exporter."""

import dataclasses
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from exporter.app import build_thresholds
from exporter.cache import (
    CODERUNS,
    CONFIGMAPS,
    EVENTS,
    JOBS,
    PODS,
    Change,
    ConfigMap,
    Event,
    Job,
    ObjectCache,
    Pod,
    Run,
)
from exporter.config import ConfigMaps, Settings
from exporter.informers import Informer, informers, watch_config
from exporter.resources.required import absent_configmaps
from exporter.telemetry import Telemetry

__all__ = ["Snapshot", "TooManyError"]

_MOST: Final = 1_000_000
"""Records of all kinds together; about 1 GB."""


class TooManyError(Exception):
    """There are too many objects."""


@dataclasses.dataclass
class Snapshot:
    """`known` are the partitions that have been read, by table. Others are unknown, which is not empty."""

    settings: Settings
    notes: list[str] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.informers = informers(self.settings, telemetry=Telemetry(clock=lambda: 0.0), on_demand=True)
        wanted = watch_config(self.settings)
        self.all_kinds, self.kinds, self.configmaps = wanted.kinds, wanted.custom_kinds, wanted.configmaps
        self.known: dict[str, set[str]] = {name: set() for name in (CODERUNS, JOBS, CONFIGMAPS, PODS, EVENTS)}
        self._records: dict[tuple[str, str], dict[str, Any]] = {}
        self._number = 0
        self.newest = 0.0
        """The newest time in the records, in seconds since the epoch."""

    def add(self, informer: Informer, raw: msgspec.Raw) -> Any:
        """Adds an object of the list of an informer. Returns its record; None if it is ignored."""
        decoded = informer.decode(raw)
        if decoded.record is not None:
            self.put(informer, decoded.uid, decoded.record)
        return decoded.record

    def put(self, informer: Informer, uid: str, record: Any) -> None:
        """Adds a record. Raises TooManyError."""
        records = self._records.setdefault((informer.table, informer.partition), {})
        if uid not in records:
            self._number += 1
            if self._number > _MOST:
                raise TooManyError
        records[uid] = record
        self.newest = max(self.newest, *_times(record))

    def move_configmaps(self, namespace: str) -> None:
        """The required ConfigMaps are in this namespace, unless the settings name one."""
        if self.settings.configmaps.namespace == ConfigMaps().namespace:
            moved = msgspec.structs.replace(self.settings.configmaps, namespace=namespace)
            settings = msgspec.structs.replace(self.settings, configmaps=moved)
            every = informers(settings, telemetry=Telemetry(clock=lambda: 0.0), on_demand=True)
            others = [informer for informer in self.informers if informer.table != CONFIGMAPS]
            self.informers = [*others, *(informer for informer in every if informer.table == CONFIGMAPS)]

    def of(self, table: str) -> Iterator[Informer]:
        """The informers of a table."""
        return (informer for informer in self.informers if informer.table == table)

    def cache(self, now: float) -> ObjectCache:
        """The objects, as the exporter would have them at this time."""
        cache = ObjectCache(
            thresholds=build_thresholds(self.settings),
            all_namespaces=not self.settings.namespaces,
            selected=bool(self.settings.label_selector),
        )
        cache.advance(now)
        for table in (CODERUNS, JOBS):
            for partition in dict.fromkeys(informer.partition for informer in self.of(table)):
                self._load(cache, table, partition)
        for informer in self.of(CONFIGMAPS):
            if informer.partition in self.known[CONFIGMAPS]:
                found = self._records.get((CONFIGMAPS, informer.partition), {})
                cache.replace(CONFIGMAPS, informer.partition, {**absent_configmaps(informer.places, found), **found})
        self._attach(cache)
        return cache

    def _load(self, cache: ObjectCache, table: str, partition: str) -> None:
        """A partition that is not known may have records, of a dump that is cut: it stays unknown."""
        records = self._records.get((table, partition), {})
        if partition in self.known[table]:
            cache.replace(table, partition, records)
        elif records:
            cache.table(table).begin(partition)
            for uid, record in records.items():
                cache.apply(Change(table, partition, uid, record))

    def _attach(self, cache: ObjectCache) -> None:
        for partition in dict.fromkeys(informer.partition for informer in self.of(PODS)):
            cache.pods.set_known(partition, known=partition in self.known[PODS])
            for uid, pod in self._records.get((PODS, partition), {}).items():
                cache.put_pod(partition, uid, cache.owned(pod))
        for scope in self.known[EVENTS]:
            cache.events.scopes.add(scope)
            for event in self._records.get((EVENTS, scope), {}).values():
                cache.events.add(event)
        if cache.events.dropped:
            self.notes.append(f"Events about {cache.events.dropped} objects were dropped: too many")


def _times(record: Any) -> list[float]:
    """The times that are in the past when an object is read: not those of a deletion, which may be later."""
    match record:
        case Run():
            found = [record.created, record.started, record.since, record.finished, record.work_completed]
        case Job():
            found = [record.created, record.started, record.finished]
        case Pod():
            found = [record.created, record.started, record.finished, record.unscheduled_since]
            found += [container.since for container in record.containers]
        case Event():
            found = [record.first, record.last]
        case ConfigMap() | _:
            found = []
    return [0.0, *(one for one in found if one is not None)]
