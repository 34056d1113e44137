"""Events of the core group, as in `kubectl get events`. Their fields have other names than in `events.k8s.io`."""

import datetime as dt
from typing import Final

import msgspec

from exporter.cache import Event
from exporter.diagnosis.gone import CREATED_POD, TELLING
from exporter.diagnosis.queues import STOPPED, WORKLOAD
from exporter.diagnosis.scaling import SCALING
from exporter.diagnosis.stages import PROGRESS
from exporter.diagnosis.volumes import CLAIM, PROVISIONING
from exporter.kube.decode import Decoder
from exporter.resources.events import Regarding, WireEvent, event_from_object

__all__ = ["event_of"]


class CoreEvent(WireEvent, rename="camel"):
    """An Event of `v1`, with the field names of the core group."""

    note: str | None = msgspec.field(default=None, name="message")
    regarding: Regarding | None = msgspec.field(default=None, name="involvedObject")
    deprecated_first_timestamp: dt.datetime | None = msgspec.field(default=None, name="firstTimestamp")
    deprecated_last_timestamp: dt.datetime | None = msgspec.field(default=None, name="lastTimestamp")
    deprecated_count: int | None = msgspec.field(default=None, name="count")


_NORMAL: Final = "Normal"
_TELLING: Final = {
    "Pod": PROGRESS | TELLING | SCALING,
    CLAIM: frozenset({PROVISIONING}),
    "Job": frozenset({CREATED_POD, STOPPED, "Completed", "SuccessfulDelete"}),
}
"""By the kind of the object, the reasons of those that show progress, or why and when an object is gone."""

_core, _new = Decoder(CoreEvent), Decoder(WireEvent)


def event_of(raw: msgspec.Raw, *, is_core: bool) -> Event | None:
    """The record of an Event; None for one of type `Normal` that explains nothing."""
    item = (_core if is_core else _new).decode(raw)[0]
    if item.type != _NORMAL:
        return event_from_object(item)
    kind = (item.regarding and item.regarding.kind) or ""
    if kind != WORKLOAD and item.reason not in _TELLING.get(kind, ()):
        return None
    return msgspec.structs.replace(event_from_object(item), normal=True)
