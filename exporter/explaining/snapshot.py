"""Collects the objects of a cluster or a dump in an ObjectCache, as the running exporter does."""

import dataclasses
import math
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from exporter.cache import (
    CODERUNS,
    CONFIGMAPS,
    EVENTS,
    JOBS,
    PODS,
    WORKFLOW_TEMPLATES,
    WORKFLOWS,
    Change,
    Job,
    ObjectCache,
    Run,
)
from exporter.config import ConfigMaps, Settings
from exporter.diagnosis.node_events import assign_node_event
from exporter.diagnosis.queues import WORKLOAD
from exporter.diagnosis.volumes import CLAIM
from exporter.explaining.claims import Claims
from exporter.explaining.external_secrets import ExternalSecret
from exporter.explaining.gone_objects import GoneObjects, without_old_progress
from exporter.explaining.namespaces import Namespaces
from exporter.explaining.nodes import NodeState
from exporter.explaining.other_pods import OtherPod
from exporter.explaining.pod_specs import PodSpecs
from exporter.explaining.services import Services
from exporter.explaining.workloads import Workloads
from exporter.explaining.workloads_down import DownWorkload
from exporter.informers import Informer, informers, watch_config
from exporter.resources.required import absent_configmaps
from exporter.telemetry import Telemetry
from exporter.threshold_settings import build_thresholds

__all__ = ["Snapshot", "TooManyError"]

_MAX_RECORDS: Final = 1_000_000
"""Maximum number of records of all kinds together; they take about 1 GB."""


class TooManyError(Exception):
    """The snapshot has too many records."""


@dataclasses.dataclass
class Snapshot:
    """The objects. `known` has, by table, the partitions that have been read. All others are unknown, not empty."""

    settings: Settings
    notes: list[str] = dataclasses.field(default_factory=list)
    is_partial: bool = False
    """Whether there may be runs or Jobs that were not read."""
    failing: list[OtherPod] = dataclasses.field(default_factory=list)
    """Pods of a dump that belong to no run and fail."""
    down: list[DownWorkload] = dataclasses.field(default_factory=list)
    """Deployments and StatefulSets of a dump without pods."""
    nodes: dict[str, NodeState] = dataclasses.field(default_factory=dict)
    """The Nodes of a dump, by name."""
    unready: list[ExternalSecret] = dataclasses.field(default_factory=list)
    """ExternalSecrets of a dump that are not ready."""
    lacks_configmaps: frozenset[str] = frozenset()
    """Kinds of runs that require ConfigMaps, if it is a dump without any."""
    missing: tuple[str, ...] = ()
    """Kinds of objects that a dump lacks: `Pod`, `Event`."""
    claims: Claims = dataclasses.field(default_factory=Claims)
    """The PersistentVolumeClaims that the Pods of a dump name."""
    specs: PodSpecs = dataclasses.field(default_factory=PodSpecs)
    """The containers of the Pods of runs in a dump."""
    services: Services = dataclasses.field(default_factory=Services)
    """The Services of a dump."""
    namespaces: Namespaces = dataclasses.field(default_factory=Namespaces)
    """The namespaces of a dump that are being deleted."""
    latest: float = math.inf
    """Times after this one are ignored, in seconds since the epoch."""

    def __post_init__(self) -> None:
        every = informers(self.settings, telemetry=Telemetry(clock=lambda: 0.0), on_demand=True)
        self.informers = [informer for informer in every if informer.table != WORKFLOW_TEMPLATES]
        wanted = watch_config(self.settings)
        self.all_kinds, self.kinds, self.configmaps = wanted.kinds, wanted.custom_kinds, wanted.configmaps
        names = (CODERUNS, JOBS, CONFIGMAPS, PODS, EVENTS, WORKFLOWS)
        self.known: dict[str, set[str]] = {name: set() for name in names}
        self._records: dict[tuple[str, str], dict[str, Any]] = {}
        self._number = 0
        self._newest = self._newest_of_all = 0.0

    @property
    def newest(self) -> float:
        """The newest time that was seen. Times after `latest` are ignored, unless there are no others."""
        return self._newest or self._newest_of_all

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
            if self._number > _MAX_RECORDS:
                raise TooManyError
        records[uid] = record
        self.see(_times(record))

    def correct(self, corrected: Callable[[Any], Any]) -> None:
        """Replaces each record by what the function returns for it."""
        for records in self._records.values():
            records.update({uid: corrected(record) for uid, record in records.items()})

    def see(self, times: Iterable[float]) -> None:
        """Times that are in the past, in seconds since the epoch."""
        times = [0.0, *times]
        self._newest_of_all = max(self._newest_of_all, *times)
        self._newest = max(self._newest, *(one for one in times if one <= self.latest))

    def move_configmaps(self, namespace: str) -> None:
        """Reads the required ConfigMaps from this namespace, unless the settings name another one."""
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
        """The cache that the exporter would have at the time `now`."""
        cache = ObjectCache(
            thresholds=build_thresholds(self.settings),
            all_namespaces=not self.settings.namespaces,
            selected=bool(self.settings.label_selector),
        )
        cache.advance(now)
        for table in (CODERUNS, JOBS, WORKFLOWS):
            for partition in dict.fromkeys(informer.partition for informer in self.of(table)):
                self._load(cache, table, partition)
        for informer in self.of(CONFIGMAPS):
            if informer.partition in self.known[CONFIGMAPS]:
                found = self._records.get((CONFIGMAPS, informer.partition), {})
                cache.replace(
                    CONFIGMAPS, informer.partition, {**absent_configmaps(informer.requirements, found), **found}
                )
        self._attach(cache)
        return cache

    def _load(self, cache: ObjectCache, table: str, partition: str) -> None:
        """Loads a partition. One from a truncated dump has records, but remains unknown."""
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
                cache.put_pod(partition, uid, cache.with_owner_uid(pod))
        self._attach_events(cache)

    def _attach_events(self, cache: ObjectCache) -> None:
        """Adds the Events about runs, their Jobs and Pods. The first are dropped first: those about ended objects."""
        cache.events.scopes |= self.known[EVENTS]
        every = [one for key, records in self._records.items() if key[0] == EVENTS for one in records.values()]
        places, gone, workloads, found = _places(cache), GoneObjects(cache, every), Workloads(cache), []
        for event in without_old_progress(every):
            place = places.get(event.about)
            if event.about_kind == "Node":
                found += [(True, event.last or 0.0, one) for one in assign_node_event(event)]
                continue
            if event.about_kind == CLAIM:
                found += [(True, event.last or 0.0, one) for one in self.claims.assign(event)]
            elif event.about_kind == WORKLOAD:
                found += [(True, event.last or 0.0, one) for one in (workloads.assign(event),) if one is not None]
            elif place is not None and place[0] == event.namespace:
                found.append((place[1], event.last or 0.0, event))
            elif place is None and (assigned := gone.assigned(event)) is not None:
                found.append((False, event.last or 0.0, assigned))
        for *_, event in sorted(found, key=operator.itemgetter(0, 1)):
            cache.events.add(event)
        note = f"Events about {cache.events.dropped} objects were dropped: too many"
        if cache.events.dropped and note not in self.notes:
            self.notes.append(note)


def _places(cache: ObjectCache) -> dict[str, tuple[str, bool]]:
    """The namespace of each run, Job and Pod by UID, and whether it is open."""
    found = {run.uid: (run.namespace, not run.terminal) for run in cache.runs}
    found |= {job.uid: (job.namespace, not job.result) for job in cache.jobs}
    return found | {pod.uid: (pod.namespace, found[pod.owner][1]) for pod in cache.pods if pod.owner in found}


def _times(record: Any) -> list[float]:
    """The times of an object that are in the past when it is read. A deletion timestamp may be in the future.

    Those of Pods and Events are not included: their node may have a wrong clock.
    """
    match record:
        case Run():
            found = [record.created, record.started, record.since, record.finished, record.work_completed]
        case Job(is_pod=False):
            found = [record.created, record.started, record.finished]
        case _:
            found = []
    return [one for one in found if one is not None]
