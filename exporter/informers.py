"""The informers that the settings require: which lists and watches there are, and how each updates the cache.

`exporter.reflector.reflect` runs them.
"""

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from exporter.cache import CODERUNS, EVENTS, JOBS, PODS, Change, Record
from exporter.config import Settings
from exporter.configmap_sink import ConfigMapSink
from exporter.event_sink import EventSink
from exporter.kube.decode import Decoder
from exporter.pod_sink import PodSink
from exporter.profiles import resolve
from exporter.reflector import Decoded, Sink, Source
from exporter.resources import RESOURCES
from exporter.resources.kinds import RunKind, run_kinds
from exporter.resources.metrics_store import MetricsStore
from exporter.resources.required import RequiredConfigMap
from exporter.resources.resource import ListWatch, Resource
from exporter.resources.wanted import WatchConfig
from exporter.telemetry import ResourceStatus, Telemetry

_log = logging.getLogger(__name__)

__all__ = ["Informer", "informer_of", "informers", "kinds_of", "watch_config"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Informer:
    """The definition of one list and watch: its request, its state, and the partition of a table that it updates.

    `reflect` runs it, with its `source` and its `sink`.
    """

    resource: str
    table: str
    watch: ListWatch
    status: ResourceStatus
    decode: Callable[[msgspec.Raw], Decoded[Any]]

    @property
    def partition(self) -> str:
        """The partition of the table."""
        return self.watch.partition

    @property
    def path(self) -> str:
        """The path of the list."""
        return self.watch.path

    @property
    def params(self) -> dict[str, str]:
        """The selectors, as query parameters."""
        return self.watch.params

    @property
    def requirements(self) -> tuple[RequiredConfigMap, ...]:
        """The required ConfigMaps that it reads; empty for other resources."""
        return self.watch.requirements

    @property
    def name(self) -> str:
        """The name of its asyncio task."""
        return f"{self.status.resource} {self.status.scope}"

    def source(self, store: MetricsStore) -> Source[Any]:
        """The input of `reflect`."""

        def reuse_if_equal(record: Any) -> Any:
            cached = store.cached(self.table, record.uid)
            return cached if cached == record else record

        return Source(
            path=self.path,
            params=self.params,
            decode=self.decode,
            reuse_if_equal=reuse_if_equal,
            is_custom_resource=self.watch.custom,
        )

    def sink(self, store: MetricsStore) -> Sink[Any]:
        """The output of `reflect`."""
        if self.requirements:
            return ConfigMapSink(
                partition=self.partition, requirements=self.requirements, store=store, status=self.status
            )
        if self.table == PODS:
            return PodSink(partition=self.partition, store=store, status=self.status)
        if self.table == EVENTS:
            return EventSink(scope=self.watch.scope, store=store, status=self.status)
        return CacheUpdater(informer=self, store=store)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CacheUpdater:
    """The sink for runs, Jobs and worker Pods. Updates the cache and the metrics with their records."""

    informer: Informer
    store: MetricsStore

    async def replace(self, records: dict[str, Record]) -> None:
        """Replaces all records, in slices, so that scrapes and probes are served meanwhile."""
        for _ in self.store.replace_in_slices(self.informer.table, self.informer.partition, records):
            await asyncio.sleep(0)

    def upsert(self, uid: str, record: Record) -> None:
        """Adds or updates a record."""
        self._apply(uid, record)

    def delete(self, uid: str) -> None:
        """Deletes a record."""
        self._apply(uid, None)

    def _apply(self, uid: str, record: Record | None) -> None:
        self.store.apply(Change(self.informer.table, self.informer.partition, uid, record))
        self.informer.status.count(
            len(self.store.cache.table(self.informer.table).partition(self.informer.partition))
        )

    def set_state(self, state: str) -> None:
        """Records whether Jobs are being watched. While they are not, no new run is reported to have no Job."""
        if self.informer.table in {CODERUNS, JOBS}:
            self.store.set_jobs_watched(self.informer.partition, current=state == "watching")


def informers(settings: Settings, *, telemetry: Telemetry, on_demand: bool = False) -> list[Informer]:
    """All informers, grouped by resource. `on_demand`: includes informers that run only while they are needed."""
    wanted = watch_config(settings)
    return [
        informer_of(resource, watch, telemetry)
        for resource in RESOURCES
        if on_demand or not resource.on_demand
        for watch in resource.lists(wanted)
    ]


def watch_config(settings: Settings) -> WatchConfig:
    """The kinds, namespaces, selectors and ConfigMaps that the settings select."""
    kinds = run_kinds([resolve(kind) for kind in settings.coderuns.kinds])
    return WatchConfig(
        kinds=kinds,
        scopes=list(dict.fromkeys(settings.namespaces)) or [None],
        labels=settings.label_selector,
        match_labels=settings.jobs.match_labels,
        configmaps=_required(settings, kinds),
        pods=settings.pods.enabled,
        events=settings.events.enabled,
        logs=settings.logs.enabled,
        workflows=settings.workflows.enabled,
    )


def kinds_of(settings: Settings) -> list[RunKind]:
    """The run kinds that are custom resources; the first is the main one."""
    return watch_config(settings).custom_kinds


def _required(settings: Settings, kinds: Sequence[RunKind]) -> list[RequiredConfigMap]:
    """The ConfigMaps in the settings; the default set only if the controller of one of the kinds needs it."""
    if not settings.configmaps.named and not any(kind.requires_configmaps for kind in kinds):
        return []
    keys = {
        item if isinstance(item, str) else item.name: () if isinstance(item, str) else item.keys
        for item in settings.configmaps.required
    }
    space, by_default = settings.configmaps.namespace, not settings.configmaps.named
    return [
        RequiredConfigMap(namespace=space, name=name, keys=own, by_default=by_default) for name, own in keys.items()
    ]


def informer_of(resource: Resource, watch: ListWatch, telemetry: Telemetry) -> Informer:
    """The informer of one list and watch. Its state is exposed in the metrics from now on."""
    return Informer(
        resource=resource.name,
        table=resource.table,
        watch=watch,
        status=telemetry.resource(
            resource=watch.title, scope=watch.scope, required=watch.required, optional=watch.optional
        ),
        decode=_object_decoder(watch),
    )


def _object_decoder(watch: ListWatch) -> Callable[[msgspec.Raw], Decoded[Any]]:
    """A function that decodes the JSON of one object and converts it to a record (`ListWatch.record`)."""
    decoder, convert, uid = Decoder(watch.wire), watch.record, watch.uid

    def decode(raw: msgspec.Raw) -> Decoded[Any]:
        item, is_valid = decoder.decode(raw)
        meta = item.metadata
        try:
            record = convert(item)
        except Exception:  # noqa: BLE001 - see below
            # A bug must not stop the whole resource, which would fail on this object in each list.
            _log.exception(
                "Failed to convert object, skipping it", extra={"namespace": meta.namespace, "object": meta.name}
            )
            record, is_valid = None, False
        known = uid(meta) if uid else meta.uid or (f"{meta.namespace or ''}/{meta.name}" if meta.name else "")
        return Decoded(known, meta.resource_version or "", record if known else None, is_valid)

    return decode
