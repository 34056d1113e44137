"""Which lists and watches the settings ask for, and how each fills the picture."""

import asyncio
import dataclasses
import functools
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from exporter.cluster import CODERUNS, CONFIGMAPS, JOBS, Change, Key, Record
from exporter.config import Settings
from exporter.configmap_sink import ConfigMapSink
from exporter.kube.decode import Decoder
from exporter.profiles import resolved
from exporter.reflector import Decoded, Sink, Source
from exporter.resources.coderuns import slim_run
from exporter.resources.configmaps import RequiredConfigMap, WireConfigMap, place_of, slim_configmap
from exporter.resources.jobs import WireJob, slim_job
from exporter.resources.kinds import RunKind, run_kinds
from exporter.resources.picture import Picture
from exporter.telemetry import ResourceStatus, Telemetry

_log = logging.getLogger(__name__)

__all__ = ["Feed", "feeds", "kinds_of", "required_of", "scopes_of"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Feed:
    """One list and watch, and the part of a table that it fills.

    `places` are the required ConfigMaps that it is about.
    """

    resource: str
    part: str
    path: str
    params: dict[str, str]
    decode: Callable[[msgspec.Raw], Decoded[Any]]
    status: ResourceStatus
    places: tuple[RequiredConfigMap, ...] = ()

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.status.resource} {self.status.scope}"

    def source(self, picture: Picture) -> Source[Any]:
        """What the reflector reads."""

        def same(record: Any) -> Any:
            known = picture.cluster.get(Key(self.resource, record.uid))
            return known if known == record else record

        defined = self.resource == CODERUNS
        return Source(path=self.path, params=self.params, decode=self.decode, same=same, defined=defined)

    def sink(self, picture: Picture) -> Sink[Any]:
        """Where the reflector's records go."""
        if self.places:
            return ConfigMapSink(part=self.part, places=self.places, picture=picture, status=self.status)
        return FeedSink(feed=self, picture=picture)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeedSink:
    """Puts what a feed brings into the picture."""

    feed: Feed
    picture: Picture

    async def replace(self, records: dict[str, Record]) -> None:
        """A whole new state. A first list is put in place in slices: scrapes and probes are answered meanwhile."""
        for _ in self.picture.replacing(self.feed.resource, self.feed.part, records):
            await asyncio.sleep(0)

    def put(self, uid: str, record: Record | None) -> None:
        """One object changed; None: it is gone."""
        self.picture.put(Change(self.feed.resource, self.feed.part, uid, record))
        self.feed.status.count(len(self.picture.cluster.table(self.feed.resource).part(self.feed.part)))

    def entered(self, state: str) -> None:
        """While Jobs cannot be followed, no run that is new is said to lack one."""
        if self.feed.resource == JOBS:
            self.picture.follow_jobs(self.feed.part, current=state == "watching")


def feeds(settings: Settings, *, telemetry: Telemetry) -> list[Feed]:
    """All lists and watches: every kind of run and the Jobs in each namespace, and each required ConfigMap."""
    kinds = _all_kinds(settings)
    scopes = scopes_of(settings)
    selected = {"labelSelector": settings.label_selector} if settings.label_selector else {}
    runs = [_runs(kind, scope, selected, telemetry) for kind in kinds if not kind.is_job for scope in scopes]
    slim = functools.partial(slim_job, kinds=kinds, match_labels=settings.jobs.match_labels)
    jobs = [_jobs(slim, scope, selected, telemetry) for scope in scopes]
    return [*runs, *jobs, *_configmaps(required_of(settings), telemetry)]


def scopes_of(settings: Settings) -> list[str | None]:
    """The namespaces that are read; None: all of them at once."""
    return list(dict.fromkeys(settings.namespaces)) or [None]


def kinds_of(settings: Settings) -> list[RunKind]:
    """The kinds of runs that are custom resources; the first is the main one."""
    return [kind for kind in _all_kinds(settings) if not kind.is_job]


def _all_kinds(settings: Settings) -> list[RunKind]:
    """These, and those whose runs are Jobs themselves, which the list of Jobs holds."""
    return run_kinds([resolved(kind) for kind in settings.coderuns.kinds])


def required_of(settings: Settings) -> list[RequiredConfigMap]:
    """The required ConfigMaps."""
    keys = {
        item if isinstance(item, str) else item.name: () if isinstance(item, str) else item.keys
        for item in settings.configmaps.required
    }
    space, by_default = settings.configmaps.namespace, not settings.configmaps.named
    return [
        RequiredConfigMap(namespace=space, name=name, keys=own, by_default=by_default) for name, own in keys.items()
    ]


def _runs(kind: RunKind, namespace: str | None, selected: dict[str, str], telemetry: Telemetry) -> Feed:
    scope = namespace or "*"
    return Feed(
        resource=CODERUNS,
        part=f"{kind.resource}/{scope}",
        path=kind.path(namespace),
        params=selected,
        decode=_decoding(kind.reader.type, functools.partial(slim_run, kind=kind)),
        status=telemetry.resource(resource=kind.title, scope=scope, required=kind.main),
    )


def _jobs(
    slim: Callable[[WireJob], Record | None], namespace: str | None, selected: dict[str, str], telemetry: Telemetry
) -> Feed:
    scope = namespace or "*"
    return Feed(
        resource=JOBS,
        part=scope,  # by which the cluster knows whether a namespace's Jobs have been read
        path=f"/apis/batch/v1/namespaces/{namespace}/jobs" if namespace else "/apis/batch/v1/jobs",
        params=selected,
        decode=_decoding(WireJob, slim),
        status=telemetry.resource(resource="jobs", scope=scope, required=True),
    )


def _configmaps(places: list[RequiredConfigMap], telemetry: Telemetry) -> list[Feed]:
    """A list and watch of each by its name, for which a Role with resourceNames is enough.

    With a pattern among them it is one of all ConfigMaps of the namespace; of those that match only sizes are kept.
    """
    if any(place.is_pattern for place in places):
        return [_configmap(tuple(places), places[0].namespace, {}, telemetry)]
    return [
        _configmap((place,), place.uid, {"fieldSelector": f"metadata.name={place.name}"}, telemetry)
        for place in places
    ]


def _configmap(
    places: tuple[RequiredConfigMap, ...], scope: str, params: dict[str, str], telemetry: Telemetry
) -> Feed:
    space = places[0].namespace

    def slim(item: WireConfigMap) -> Record | None:
        place = place_of(item.metadata.name or "", places)
        return None if place is None else slim_configmap(item, required=place)

    return Feed(
        resource=CONFIGMAPS,
        part=scope,
        path=f"/api/v1/namespaces/{space}/configmaps",
        params=params,
        decode=_decoding(WireConfigMap, slim, uid=lambda meta: f"{space}/{meta.name or ''}"),
        status=telemetry.resource(resource="configmaps", scope=scope, required=False),
        places=places,
    )


def _decoding(
    wire: Any, slim: Callable[[Any], Record | None], *, uid: Callable[[Any], str] | None = None
) -> Callable[[msgspec.Raw], Decoded[Any]]:
    decoder = Decoder(wire)

    def decode(raw: msgspec.Raw) -> Decoded[Any]:
        item, whole = decoder.decode(raw)
        meta = item.metadata
        try:
            record = slim(item)
        except Exception:  # noqa: BLE001 - see below
            # A fault of ours must cost one object and not the resource, which lists it again and again.
            _log.exception(
                "Failed to convert object, skipping it", extra={"namespace": meta.namespace, "object": meta.name}
            )
            record, whole = None, False
        known = uid(meta) if uid else meta.uid or (f"{meta.namespace or ''}/{meta.name}" if meta.name else "")
        return Decoded(known, meta.resource_version or "", record if known else None, whole)

    return decode
