"""Which lists and watches the settings ask for, and how each fills the picture."""

import asyncio
import dataclasses
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from exporter.cache import JOBS, Change, Key, Record
from exporter.config import Settings
from exporter.configmap_sink import ConfigMapSink
from exporter.kube.decode import Decoder
from exporter.profiles import resolved
from exporter.reflector import Decoded, Sink, Source
from exporter.resources import RESOURCES
from exporter.resources.kinds import RunKind, run_kinds
from exporter.resources.metrics_store import MetricsStore
from exporter.resources.required import RequiredConfigMap
from exporter.resources.resource import ListWatch, Resource
from exporter.resources.wanted import Wanted
from exporter.telemetry import ResourceStatus, Telemetry

_log = logging.getLogger(__name__)

__all__ = ["Informer", "informers", "kinds_of", "wanted_of"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Informer:
    """One list and watch, its state, and the table of which it fills a partition."""

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
        """Where it is listed."""
        return self.watch.path

    @property
    def params(self) -> dict[str, str]:
        """Its selectors."""
        return self.watch.params

    @property
    def places(self) -> tuple[RequiredConfigMap, ...]:
        """The required ConfigMaps that it is about."""
        return self.watch.places

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.status.resource} {self.status.scope}"

    def source(self, store: MetricsStore) -> Source[Any]:
        """What the reflector reads."""

        def same(record: Any) -> Any:
            known = store.cache.get(Key(self.table, record.uid))
            return known if known == record else record

        return Source(
            path=self.path,
            params=self.params,
            decode=self.decode,
            reuse_if_equal=same,
            is_custom_resource=self.watch.custom,
        )

    def sink(self, store: MetricsStore) -> Sink[Any]:
        """Where the reflector's records go."""
        if self.places:
            return ConfigMapSink(partition=self.partition, places=self.places, store=store, status=self.status)
        return CacheUpdater(informer=self, store=store)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CacheUpdater:
    """Puts what a feed brings into the picture."""

    informer: Informer
    store: MetricsStore

    async def replace(self, records: dict[str, Record]) -> None:
        """A whole new state. A first list is put in place in slices: scrapes and probes are answered meanwhile."""
        for _ in self.store.replacing(self.informer.table, self.informer.partition, records):
            await asyncio.sleep(0)

    def put(self, uid: str, record: Record | None) -> None:
        """One object changed; None: it is gone."""
        self.store.put(Change(self.informer.table, self.informer.partition, uid, record))
        self.informer.status.count(
            len(self.store.cache.table(self.informer.table).partition(self.informer.partition))
        )

    def entered(self, state: str) -> None:
        """While Jobs cannot be followed, no run that is new is said to lack one."""
        if self.informer.table == JOBS:
            self.store.follow_jobs(self.informer.partition, current=state == "watching")


def informers(settings: Settings, *, telemetry: Telemetry) -> list[Informer]:
    """All lists and watches, of each resource in turn."""
    wanted = wanted_of(settings)
    return [_feed(resource, watch, telemetry) for resource in RESOURCES for watch in resource.lists(wanted)]


def wanted_of(settings: Settings) -> Wanted:
    """What the settings want to be read."""
    return Wanted(
        kinds=run_kinds([resolved(kind) for kind in settings.coderuns.kinds]),
        scopes=list(dict.fromkeys(settings.namespaces)) or [None],
        labels=settings.label_selector,
        match_labels=settings.jobs.match_labels,
        configmaps=_required(settings),
    )


def kinds_of(settings: Settings) -> list[RunKind]:
    """The kinds of runs that are custom resources; the first is the main one."""
    return wanted_of(settings).custom_kinds


def _required(settings: Settings) -> list[RequiredConfigMap]:
    keys = {
        item if isinstance(item, str) else item.name: () if isinstance(item, str) else item.keys
        for item in settings.configmaps.required
    }
    space, by_default = settings.configmaps.namespace, not settings.configmaps.named
    return [
        RequiredConfigMap(namespace=space, name=name, keys=own, by_default=by_default) for name, own in keys.items()
    ]


def _feed(resource: Resource, watch: ListWatch, telemetry: Telemetry) -> Informer:
    return Informer(
        resource=resource.name,
        table=resource.table,
        watch=watch,
        status=telemetry.resource(resource=watch.title, scope=watch.scope, required=watch.required),
        decode=_decoding(watch),
    )


def _decoding(watch: ListWatch) -> Callable[[msgspec.Raw], Decoded[Any]]:
    decoder, convert, uid = Decoder(watch.wire), watch.record, watch.uid

    def decode(raw: msgspec.Raw) -> Decoded[Any]:
        item, whole = decoder.decode(raw)
        meta = item.metadata
        try:
            record = convert(item)
        except Exception:  # noqa: BLE001 - see below
            # A fault of ours must cost one object and not the resource, which lists it again and again.
            _log.exception(
                "Failed to convert object, skipping it", extra={"namespace": meta.namespace, "object": meta.name}
            )
            record, whole = None, False
        known = uid(meta) if uid else meta.uid or (f"{meta.namespace or ''}/{meta.name}" if meta.name else "")
        return Decoded(known, meta.resource_version or "", record if known else None, whole)

    return decode
