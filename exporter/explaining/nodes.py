"""The Nodes of a dump: their taints and conditions say why no pod is scheduled there, and which node is lost."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from exporter.diagnosis.taints import taint_fix
from exporter.kube.decode import Decoder
from exporter.resources.containers import cleaned
from exporter.resources.objects import Condition, Meta, intern_label, object_name, qualified_names, unix_seconds

__all__ = ["NODE", "NodeState", "node_state"]

NODE: Final = ("", "Node")
"""The group and the kind."""
_MAX_TAINTS: Final = 20
_BLOCKING: Final = frozenset({"NoSchedule", "NoExecute"})
_PROBLEMS: Final = frozenset({"DiskPressure", "MemoryPressure", "PIDPressure", "NetworkUnavailable"})
"""Conditions that are a problem if they are True."""


class NodeState(NamedTuple):
    """`ready`: the status of its condition Ready, `True` if it has none.

    `since`: the change of that condition, in seconds since the epoch. `taints`: keys of the taints that keep pods
    away. `why`: the condition that is a problem, with its message.
    """

    name: str
    ready: str
    since: float | None
    taints: tuple[str, ...]
    why: str

    @property
    def is_lost(self) -> bool:
        """Whether its kubelet does not respond."""
        return self.ready == "Unknown"

    def state_taints(self) -> Iterator[str]:
        """The taints that a component has set for the state of the node."""
        return (key for key in self.taints if taint_fix(key))


class _Taint(msgspec.Struct):
    """An item of `spec.taints`."""

    key: str | None = None
    effect: str | None = None


class _Spec(msgspec.Struct):
    """`spec`."""

    taints: list[_Taint] | None = None


class _Status(msgspec.Struct):
    """`status`."""

    conditions: list[Condition] | None = None


class _Node(msgspec.Struct):
    """A Node on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: _Spec | None = None
    status: _Status | None = None


_decoder = Decoder(_Node)


def node_state(raw: msgspec.Raw) -> NodeState:
    """The state of a Node."""
    item = _decoder.decode(raw)[0]
    conditions = (item.status or _Status()).conditions or ()
    ready = next((one for one in conditions if one.type == "Ready"), None)
    taints = (one.key for one in ((item.spec or _Spec()).taints or ())[:_MAX_TAINTS] if one.effect in _BLOCKING)
    return NodeState(
        name=object_name(item.metadata.name),
        ready="True" if ready is None else intern_label(ready.status),
        since=None if ready is None else unix_seconds(ready.last_transition_time),
        taints=tuple(filter(None, (qualified_names([key]) for key in taints))),
        why=next((_words(one) for one in conditions if _is_problem(one)), ""),
    )


def _is_problem(one: Condition) -> bool:
    return one.status != "True" if one.type == "Ready" else one.type in _PROBLEMS and one.status == "True"


def _words(one: Condition) -> str:
    name = f"{intern_label(one.type)} is {intern_label(one.status)}"
    return ": ".join(filter(None, (name, cleaned(one.message) or intern_label(one.reason))))
