"""Events about runs, Jobs and Pods: lists, watches and records. They are optional.

The API server keeps no watch cache of Events: each watch reads all Events of its scope from etcd. So namespaces are
watched only while they have open runs. Events of type `Normal` are not selected.
"""

import datetime as dt
import re
from collections.abc import Callable

import msgspec

from exporter.cache import EVENTS, Event
from exporter.resources.containers import cleaned
from exporter.resources.objects import intern_label, object_name, truncate, unix_seconds
from exporter.resources.resource import ListWatch, Resource
from exporter.resources.wanted import WatchConfig

__all__ = ["RESOURCE", "WireEvent", "event_from_object", "list_of", "shorten"]

_MAX_COUNT = 1_000_000_000  # occurrences of an Event
_MAX_NOTE_LENGTH = 2000
_CONTAINER = re.compile(r"spec\.\w*[cC]ontainers\{(.{1,63})\}")
"""The `fieldPath` of an Event about a container."""


class EventMeta(msgspec.Struct, rename="camel"):
    """`metadata`, without labels and annotations."""

    name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    creation_timestamp: dt.datetime | None = None


class Regarding(msgspec.Struct, rename="camel"):
    """`regarding`: the object that the Event is about."""

    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    uid: str | None = None
    field_path: str | None = None


class Series(msgspec.Struct, rename="camel"):
    """`series`: repetitions, as newer components report them."""

    count: int | None = None
    last_observed_time: dt.datetime | None = None


class WireEvent(msgspec.Struct, rename="camel"):
    """An Event of `events.k8s.io/v1` on the wire. Older components set only the deprecated fields."""

    metadata: EventMeta = msgspec.field(default_factory=EventMeta)
    type: str | None = None
    reason: str | None = None
    note: str | None = None
    regarding: Regarding | None = None
    event_time: dt.datetime | None = None
    series: Series | None = None
    deprecated_first_timestamp: dt.datetime | None = None
    deprecated_last_timestamp: dt.datetime | None = None
    deprecated_count: int | None = None


def shorten(event: WireEvent) -> None:
    """Truncates all texts of an Event, in place: the API server does not limit all of them."""
    event.note = event.note and event.note[:_MAX_NOTE_LENGTH]
    for part in (event, event.metadata, event.regarding):
        for name in part.__struct_fields__ if part is not None else ():
            if isinstance(text := getattr(part, name), str) and name != "note":
                setattr(part, name, truncate(text))


def event_from_object(event: WireEvent) -> Event:
    """The record of an Event. The first and the last occurrence are the earliest and the latest of its times."""
    meta, about, series = event.metadata, event.regarding or Regarding(), event.series or Series()
    times = [
        unix_seconds(moment)
        for moment in (
            event.deprecated_first_timestamp,
            event.event_time,
            event.deprecated_last_timestamp,
            series.last_observed_time,
        )
    ]
    container = _CONTAINER.fullmatch(about.field_path or "")
    known = [moment for moment in (*times, unix_seconds(meta.creation_timestamp)) if moment is not None]
    return Event(
        uid=truncate(meta.uid or f"{meta.namespace or ''}/{meta.name or ''}"),
        namespace=intern_label(meta.namespace),
        about=truncate(about.uid),
        about_kind=intern_label(about.kind),
        about_name=object_name(about.name),
        reason=intern_label(event.reason),
        note=cleaned(event.note),
        first=min(known, default=None),
        last=max(known, default=None),
        count=max(1, min(series.count or event.deprecated_count or 1, _MAX_COUNT)),
        container=intern_label(container[1]) if container else "",
    )


def list_of(namespace: str | None, *, admit: Callable[[WireEvent], Event | None] = event_from_object) -> ListWatch:
    """The Events of a namespace; None: of all namespaces. `admit` returns None for an Event that is not kept."""
    return ListWatch(
        title="events",
        scope=namespace or "*",
        optional=True,
        partition=namespace or "*",
        group="events.k8s.io",
        plural="events",
        namespace=namespace,
        fields="type!=Normal",
        wire=WireEvent,
        record=admit,
    )


def lists(wanted: WatchConfig) -> list[ListWatch]:
    """The largest scopes that may be watched; none if the settings disable Events."""
    return [list_of(scope) for scope in (wanted.scopes if wanted.events else ())]


RESOURCE = Resource(name="events", table=EVENTS, lists=lists, on_demand=True)
