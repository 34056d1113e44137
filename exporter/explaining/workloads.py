"""Assigns what a dump has of a Workload of Kueue, its Events or itself, to its Job or Pod.

A Workload is named `job-NAME-HASH` or `pod-NAME-HASH`, in which NAME may be truncated.
"""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from exporter.cache import Event, ObjectCache
from exporter.diagnosis.queues import WORKLOAD, workload_key
from exporter.kube.decode import Decoder
from exporter.resources.containers import cleaned
from exporter.resources.objects import Meta, intern_label, object_name, truncate, unix_seconds

__all__ = ["GROUP", "Workloads", "event_of_workload"]

GROUP: Final = "kueue.x-k8s.io"
_NAME: Final = re.compile(r"(?:job|pod)-(.+)-[a-z0-9]{5}")
_CONDITIONS: Final = ("Evicted", "QuotaReserved", "Admitted")
"""Those that say why it waits, the first one first. Evicted does so if it is true, the others if they are false."""


class _Condition(msgspec.Struct, rename="camel"):
    """An item of `status.conditions`."""

    type: str | None = None
    status: str | None = None
    reason: str | None = None
    message: str | None = None
    last_transition_time: dt.datetime | None = None


class _Status(msgspec.Struct):
    """`status`."""

    conditions: list[_Condition] | None = None


class _Workload(msgspec.Struct):
    """A Workload on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    status: _Status | None = None


_decoder = Decoder(_Workload)


def event_of_workload(raw: msgspec.Raw) -> Event | None:
    """An Event made from the condition for which the Workload waits; None if no condition explains the wait."""
    item = _decoder.decode(raw)[0]
    meta, conditions = item.metadata, (item.status or _Status()).conditions or ()
    owner = next((one for one in meta.owner_references or () if one.controller), None)
    found = {one.type: one for one in conditions if one.status == ("True" if one.type == "Evicted" else "False")}
    first = next((found[name] for name in _CONDITIONS if name in found), None)
    if owner is None or first is None:
        return None
    at = unix_seconds(first.last_transition_time)
    return Event(
        uid=truncate(meta.uid or meta.name),
        namespace=intern_label(meta.namespace),
        about=truncate(owner.uid),
        about_kind=WORKLOAD,
        about_name=object_name(meta.name),
        reason=intern_label(first.reason or first.type),
        note=cleaned(first.message),
        first=at,
        last=at,
    )


class Workloads:
    """The Jobs and Pods of a cache, by which Workloads are found."""

    def __init__(self, cache: ObjectCache) -> None:
        self._names: dict[str, dict[str, str]] = {}
        for item in (*cache.pods, *(job for job in cache.jobs if not job.result)):
            self._names.setdefault(item.namespace, {})[item.name] = item.uid
        self._uids = {uid for names in self._names.values() for uid in names.values()}

    def assigned(self, event: Event) -> Event | None:
        """The Event, as one of the Workload of a Job or Pod; None if there is none, or more than one."""
        uid = event.about if event.about in self._uids else next(self._named(event), None)
        return None if uid is None else msgspec.structs.replace(event, about=workload_key(uid))

    def _named(self, event: Event) -> Iterator[str]:
        match, names = _NAME.fullmatch(event.about_name), self._names.get(event.namespace, {})
        if match is None:
            return
        if match[1] in names:
            yield names[match[1]]
            return
        found = [uid for name, uid in names.items() if name.startswith(match[1])]
        yield from found if len(found) == 1 else ()
