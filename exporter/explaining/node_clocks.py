"""The clocks of nodes in a dump. One that is ahead makes states look old that are new, so its times are corrected.

The API server sets the creation of an Event and the condition PodScheduled (on binding). The kubelet sets the first
occurrence of its Events and the start of a Pod, which are at most seconds later, by the clock of its node.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from exporter.cache import Event, Job, Pod
from exporter.durations import short
from exporter.resources.objects import truncate, unix_seconds

__all__ = ["NodeClocks"]

_MIN_SECONDS: Final = 60.0
_MIN_START_SECONDS: Final = 600.0
"""A kubelet that restarts delays the start of a Pod, but a node that is not ready gets no Pods."""
_ANYWHERE: Final = frozenset({"DaemonSet", "Node"})
"""Owners of Pods that may be bound to a node that is not ready."""
_MAX_NOTES: Final = 3


class _Owner(msgspec.Struct):
    """An item of `metadata.ownerReferences`."""

    kind: str | None = None


class _Meta(msgspec.Struct, rename="camel"):
    """`metadata`."""

    name: str | None = None
    uid: str | None = None
    creation_timestamp: dt.datetime | None = None
    owner_references: list[_Owner] | None = None


class _Source(msgspec.Struct):
    """`source` of an Event."""

    host: str | None = None


class _Spec(msgspec.Struct, rename="camel"):
    """`spec` of a Pod."""

    node_name: str | None = None


class _Condition(msgspec.Struct, rename="camel"):
    """A condition of a Pod."""

    type: str | None = None
    status: str | None = None
    last_transition_time: dt.datetime | None = None


class _Status(msgspec.Struct, rename="camel"):
    """`status` of a Pod."""

    start_time: dt.datetime | None = None
    conditions: list[_Condition] | None = None


class _Object(msgspec.Struct, rename="camel"):
    """A Pod, an Event, a Node or a Lease."""

    metadata: _Meta = msgspec.field(default_factory=_Meta)
    spec: _Spec | None = None
    status: _Status | None = None
    source: _Source | None = None
    deprecated_source: _Source | None = None
    reporting_instance: str | None = None
    first_timestamp: dt.datetime | None = None
    deprecated_first_timestamp: dt.datetime | None = None
    event_time: dt.datetime | None = None


_decoder = msgspec.json.Decoder(_Object)


class NodeClocks:
    """How far the clock of each node is ahead: the smallest difference between a time of it and the API server's."""

    def __init__(self) -> None:
        self._ahead: dict[str, float] = {}
        self._times: dict[str, tuple[float, float]] = {}
        self._hosts: dict[str, str] = {}

    def node_of(self, raw: msgspec.Raw, kind: str) -> str:
        """Compares the times of an object that a node writes. Returns the name of that node, else an empty text."""
        if kind not in {"Pod", "Event", "Node", "Lease"}:
            return ""
        try:
            item = _decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ""
        if kind == "Event":
            return self._event(item)
        return self._pod(item) if kind == "Pod" else truncate(item.metadata.name)

    def _event(self, item: _Object) -> str:
        source = item.source or item.deprecated_source or _Source()
        node = truncate(source.host or item.reporting_instance)
        first = item.first_timestamp or item.deprecated_first_timestamp or item.event_time
        if self._compare(node, first, item.metadata.creation_timestamp):
            self._hosts[truncate(item.metadata.uid)] = node
        return node

    def _pod(self, item: _Object) -> str:
        node, status = truncate(item.spec.node_name if item.spec else ""), item.status or _Status()
        conditions = (one for one in status.conditions or () if (one.type, one.status) == ("PodScheduled", "True"))
        bound = next((one.last_transition_time for one in conditions), None)
        is_anywhere = any(one.kind in _ANYWHERE for one in item.metadata.owner_references or ())
        if node and not is_anywhere:
            self._compare(node, status.start_time, bound, least=_MIN_START_SECONDS)
        return node

    def _compare(
        self, node: str, its: dt.datetime | None, server: dt.datetime | None, *, least: float = _MIN_SECONDS
    ) -> bool:
        """Whether the time of the node is so much later. Between a minute and `least`, it may be another delay."""
        ours, theirs = unix_seconds(its), unix_seconds(server)
        if ours is None or theirs is None or _MIN_SECONDS <= ours - theirs < least:
            return False
        self._ahead[node] = min(self._ahead.get(node, ours - theirs), ours - theirs)
        return ours - theirs >= least

    def see(self, node: str, times: list[float], *, latest: float) -> None:
        """Times that the node may have written: the newest of them, and the newest until `latest`."""
        old, old_past = self._times.get(node, (0.0, 0.0))
        past = [one for one in times if one <= latest]
        self._times[node] = max([old, *times]), max([old_past, *past])

    def newest(self) -> Iterator[float]:
        """The newest times of each node, corrected."""
        for node, times in self._times.items():
            yield from (one - self.ahead(node) for one in times if one)

    def ahead(self, node: str) -> float:
        """Seconds by which the clock of a node is ahead; 0 for less than a minute.

        Components without a node are those of the control plane: if they are ahead as well, it is not the node.
        """
        seconds = self._ahead.get(node, 0.0) if node else 0.0
        return seconds if seconds >= _MIN_SECONDS and self._ahead.get("", 0.0) < _MIN_SECONDS else 0.0

    def notes(self) -> Iterator[str]:
        """A note for each node whose times are corrected."""
        for node in [node for node in self._times if self.ahead(node)][:_MAX_NOTES]:
            yield f"The clock of node {node} is {short(self.ahead(node))} ahead: its times are corrected"

    def corrected(self, record: Any) -> Any:
        """The record of a Pod, a worker Pod or an Event, with the times of its node corrected."""
        match record:
            case Pod() if seconds := self.ahead(record.node):
                return _shifted(record, seconds)
            case Job(pod=Pod() as pod) if seconds := self.ahead(pod.node):
                changed = {"started": _less(record.started, seconds), "finished": _less(record.finished, seconds)}
                return msgspec.structs.replace(record, pod=_shifted(pod, seconds), **changed)
            case Event() if seconds := self.ahead(self._hosts.get(record.uid, "")):
                return msgspec.structs.replace(record, last=_less(record.last, seconds))
        return record


def _shifted(pod: Pod, seconds: float) -> Pod:
    names = ("started", "finished", "ready_since", "sandbox_since")
    changed: dict[str, Any] = {name: _less(getattr(pod, name), seconds) for name in names}
    containers = (msgspec.structs.replace(one, since=_less(one.since, seconds)) for one in pod.containers)
    return msgspec.structs.replace(pod, containers=tuple(containers), **changed)


def _less(moment: float | None, seconds: float) -> float | None:
    return None if moment is None else moment - seconds
