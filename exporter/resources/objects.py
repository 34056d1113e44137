"""What all objects of the API have in common, as it comes over the wire. Every field is optional."""

import datetime as dt
import functools
import sys
from typing import TypeVar

import msgspec

from exporter.durations import seconds_of
from exporter.untrusted import free_name, identifier

__all__ = [
    "Meta",
    "OwnerReference",
    "annotated_seconds",
    "bounded",
    "intern_label",
    "object_name",
    "seconds_in",
    "unix_seconds",
]

_LONGEST_NAME = 253  # https://kubernetes.io/docs/concepts/overview/working-with-objects/names/

T = TypeVar("T")


class OwnerReference(msgspec.Struct, rename="camel"):
    """Who an object belongs to."""

    api_version: str | None = None
    kind: str | None = None
    name: str | None = None
    uid: str | None = None
    controller: bool | None = None


class Meta(msgspec.Struct, rename="camel"):
    """metadata."""

    name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    creation_timestamp: dt.datetime | None = None
    deletion_timestamp: dt.datetime | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None
    finalizers: list[str] | None = None


def unix_seconds(moment: dt.datetime | None) -> float | None:
    """A time as seconds since the epoch; one without a zone is UTC, as everything is in Kubernetes.

    A time in the year 1 is Go's way of writing none: https://pkg.go.dev/time#Time.IsZero
    """
    if moment is None or moment.year == 1:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


def object_name(text: str | None) -> str:
    """The name of an object, for a label. The API server allows no other form; not everything that answers is one."""
    return identifier(text, limit=_LONGEST_NAME) if text else ""


def bounded(text: str | None) -> str:
    """Text that is kept and not shown: the UID of an ownerReference may have a megabyte, and any user writes it."""
    return (text or "")[:_LONGEST_NAME]


def intern_label(text: object) -> str:
    """An identifier from a spec or a label, for a label. Many objects share it, so it is kept once."""
    return "" if text is None else _word(str(text)[:_LONGEST_NAME])


@functools.lru_cache(maxsize=8192)
def _word(text: str) -> str:
    return sys.intern(free_name(text))


def annotated_seconds(meta: Meta, name: str) -> float | None:
    """The duration in an annotation; None where there is none, or none that can be read."""
    return seconds_in((meta.annotations or {}).get(name))


def seconds_in(text: object) -> float | None:
    """A duration; None where the text, if it is one, is none."""
    if not isinstance(text, str):
        return None
    try:
        return seconds_of(text)
    except ValueError:
        return None
