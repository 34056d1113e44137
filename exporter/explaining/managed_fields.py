"""The last change of the spec of an object, from its managedFields: `kubectl get --show-managed-fields` has them."""

import datetime as dt

import msgspec

from exporter.resources.objects import unix_seconds

__all__ = ["spec_changed"]

_SPEC = "f:spec"


class _Entry(msgspec.Struct, rename="camel"):
    """An item of `metadata.managedFields`."""

    time: dt.datetime | None = None
    fields: dict[str, msgspec.Raw] | None = msgspec.field(default=None, name="fieldsV1")


class _Meta(msgspec.Struct, rename="camel"):
    """`metadata`, of which nothing else is read."""

    managed_fields: list[_Entry] | None = None


class _Object(msgspec.Struct):
    """An object of any kind."""

    metadata: _Meta | None = None


_decoder = msgspec.json.Decoder(_Object)


def spec_changed(raw: msgspec.Raw) -> float | None:
    """When the spec was last changed, in seconds since the epoch; None if the managedFields do not show it."""
    try:
        meta = _decoder.decode(raw).metadata or _Meta()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    entries = [entry for entry in meta.managed_fields or () if _SPEC in (entry.fields or {})]
    return max((at for entry in entries if (at := unix_seconds(entry.time)) is not None), default=None)
