"""Events of the core group, as in `kubectl get events`. Their fields have other names than in `events.k8s.io`."""

import datetime as dt

import msgspec

from exporter.cache import Event
from exporter.kube.decode import Decoder
from exporter.resources.events import Regarding, WireEvent, event_from_object

__all__ = ["warning_of"]


class CoreEvent(WireEvent, rename="camel"):
    """An Event of `v1`, with the field names of the core group."""

    note: str | None = msgspec.field(default=None, name="message")
    regarding: Regarding | None = msgspec.field(default=None, name="involvedObject")
    deprecated_first_timestamp: dt.datetime | None = msgspec.field(default=None, name="firstTimestamp")
    deprecated_last_timestamp: dt.datetime | None = msgspec.field(default=None, name="lastTimestamp")
    deprecated_count: int | None = msgspec.field(default=None, name="count")


_core, _new = Decoder(CoreEvent), Decoder(WireEvent)


def warning_of(raw: msgspec.Raw, *, is_core: bool) -> Event | None:
    """The record of an Event; None for one of type `Normal`."""
    item = (_core if is_core else _new).decode(raw)[0]
    return None if item.type == "Normal" else event_from_object(item)
