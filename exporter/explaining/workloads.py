"""Assigns the Kueue Workloads of a dump, and the Events about them, to the Jobs or Pods that they queue.

A Workload is named `job-NAME-HASH` or `pod-NAME-HASH`, in which NAME may be truncated.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from exporter.cache import Event, ObjectCache
from exporter.diagnosis.queues import DEACTIVATED, WORKLOAD, state_key, workload_key
from exporter.kube.decode import Decoder
from exporter.resources.containers import cleaned
from exporter.resources.objects import Meta, intern_label, object_name, truncate, unix_seconds

__all__ = ["GROUP", "Workloads", "event_of_workload"]

GROUP: Final = "kueue.x-k8s.io"
_NAME: Final = re.compile(r"(?:job|pod)-(.+)-[a-z0-9]{5}")
_CONDITIONS: Final = ("Evicted", "QuotaReserved", "Admitted")
"""Those that say why it waits, the first one first. Evicted does so if it is true, the others if they are false."""
_CHECK: Final = "AdmissionCheck"
_READY: Final = "Ready"
_FAILED: Final = frozenset({"Retry", "Rejected"})
_MAX_CHECKS: Final = 3


class _Condition(msgspec.Struct, rename="camel"):
    """An item of `status.conditions`."""

    type: str | None = None
    status: str | None = None
    reason: str | None = None
    message: str | None = None
    last_transition_time: dt.datetime | None = None


class _Check(msgspec.Struct, rename="camel"):
    """An item of `status.admissionChecks`, such as a ProvisioningRequest for nodes."""

    name: str | None = None
    state: str | None = None
    message: str | None = None
    last_transition_time: dt.datetime | None = None


class _Status(msgspec.Struct, rename="camel"):
    """`status`."""

    conditions: list[_Condition] | None = None
    admission_checks: list[_Check] | None = None


class _Spec(msgspec.Struct):
    """`spec`. Kueue or a user deactivates a Workload."""

    active: bool | None = None


class _Workload(msgspec.Struct):
    """A Workload on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: _Spec | None = None
    status: _Status | None = None


_decoder = Decoder(_Workload)


def event_of_workload(raw: msgspec.Raw) -> Event | None:
    """An Event that states what the Workload waits for; None if its status does not state it."""
    item = _decoder.decode(raw)[0]
    meta = item.metadata
    owner = next((one for one in meta.owner_references or () if one.controller), None)
    reason, note, at = _state(item)
    if owner is None or not reason:
        return None
    return Event(
        uid=truncate(meta.uid or meta.name),
        namespace=intern_label(meta.namespace),
        about=truncate(owner.uid),
        about_kind=WORKLOAD,
        about_name=object_name(meta.name),
        reason=intern_label(reason),
        note=cleaned(note),
        first=unix_seconds(at),
        last=unix_seconds(at),
    )


def _state(item: _Workload) -> tuple[str, str, dt.datetime | None]:
    """Reason, note and time of the state: deactivated, else a condition, else the admission checks."""
    status = item.status or _Status()
    found = {
        one.type: one
        for one in status.conditions or ()
        if one.status == ("True" if one.type == "Evicted" else "False")
    }
    first = next((found[name] for name in _CONDITIONS if name in found), None)
    if first is not None and first.type == "Evicted" and (later := _after_eviction(first, found)):
        first = later
    is_inactive = item.spec is not None and item.spec.active is False
    has_quota = any((one.type, one.status) == ("QuotaReserved", "True") for one in status.conditions or ())
    checks = [one for one in status.admission_checks or () if one.state != _READY]
    waiting = [one for one in checks if has_quota or one.state in _FAILED][:_MAX_CHECKS]
    note = "; ".join(f"{one.name} is {one.state}: {one.message or 'no message'}" for one in waiting)
    if waiting and not is_inactive and (first is None or first.type == "Admitted"):
        return _CHECK, note, waiting[0].last_transition_time
    if first is None:
        return (DEACTIVATED, "spec.active is false", None) if is_inactive else ("", "", None)
    reason, text = first.reason or first.type or "", "; ".join(filter(None, (first.message, note)))
    if is_inactive and DEACTIVATED not in reason:
        reason = DEACTIVATED
    return reason, text, first.last_transition_time


def _after_eviction(evicted: _Condition, found: Mapping[str | None, _Condition]) -> _Condition | None:
    """QuotaReserved, if Kueue has tried to admit it since: with the eviction, both get the same message."""
    reserved = found.get("QuotaReserved")
    return reserved if reserved is not None and reserved.message not in {None, "", evicted.message} else None


class Workloads:
    """Finds the Job or Pod of a Workload, by the names of the Jobs and Pods in a cache."""

    def __init__(self, cache: ObjectCache) -> None:
        self._names: dict[str, dict[str, str]] = {}
        for item in (*cache.pods, *(job for job in cache.jobs if not job.result)):
            self._names.setdefault(item.namespace, {})[item.name] = item.uid
        self._uids = {uid for names in self._names.values() for uid in names.values()}

    def assign(self, event: Event) -> Event | None:
        """A copy of the Event that refers to the Job or Pod of its Workload; None unless exactly one is found."""
        if event.about in self._uids:  # it is made from the Workload itself
            return msgspec.structs.replace(event, about=state_key(event.about))
        uid = next(self._named(event), None)
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
