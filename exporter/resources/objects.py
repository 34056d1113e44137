"""The common fields of all API objects on the wire. Every field is optional."""

import datetime as dt
import functools
import itertools
import re
import sys
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from exporter.durations import parse_duration
from exporter.untrusted import free_name, identifier

__all__ = [
    "QUEUE_LABEL",
    "Condition",
    "Meta",
    "OwnerReference",
    "annotated_seconds",
    "finalizers_of",
    "intern_label",
    "object_name",
    "qualified_names",
    "seconds_in",
    "truncate",
    "unix_seconds",
]

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"  # https://kueue.sigs.k8s.io/docs/tasks/run/jobs/

_MAX_NAME_LENGTH = 253  # https://kubernetes.io/docs/concepts/overview/working-with-objects/names/

_MAX_NAMES = 5
_QUALIFIED = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,127}[A-Za-z0-9])?")

T = TypeVar("T")


class OwnerReference(msgspec.Struct, rename="camel"):
    """An item of `metadata.ownerReferences`."""

    api_version: str | None = None
    kind: str | None = None
    name: str | None = None
    uid: str | None = None
    controller: bool | None = None


class Meta(msgspec.Struct, rename="camel"):
    """`metadata`."""

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


class Condition(msgspec.Struct, rename="camel"):
    """An item of `status.conditions`."""

    type: str | None = None
    status: str | None = None
    reason: str | None = None
    message: str | None = None
    last_transition_time: dt.datetime | None = None


def unix_seconds(moment: dt.datetime | None) -> float | None:
    """Converts a time to seconds since the epoch. Times without a time zone are UTC, as in Kubernetes.

    Go's zero time, in the year 1, is None: https://pkg.go.dev/time#Time.IsZero
    """
    if moment is None or moment.year == 1:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


def finalizers_of(meta: Meta) -> str:
    """The names of the finalizers of an object that is being deleted; else empty."""
    if meta.deletion_timestamp is None:
        return ""
    return qualified_names(meta.finalizers or ())


def qualified_names(names: Iterable[str | None]) -> str:
    """The first five names of this form, as `example.com/name`, after commas."""
    found = (name for name in names if name and _QUALIFIED.fullmatch(name))
    return sys.intern(", ".join(itertools.islice(found, _MAX_NAMES)))


def object_name(text: str | None) -> str:
    """The name of an object, as a label value. Validated, because a server may return invalid names."""
    return identifier(text, limit=_MAX_NAME_LENGTH) if text else ""


def truncate(text: str | None) -> str:
    """Truncates text that is stored and not exposed. The API server does not limit the UID in an ownerReference."""
    return (text or "")[:_MAX_NAME_LENGTH]


def intern_label(text: object) -> str:
    """An identifier from a spec or a label, as a label value. Interned, because many objects share it."""
    return "" if text is None else _intern(str(text)[:_MAX_NAME_LENGTH])


@functools.lru_cache(maxsize=8192)
def _intern(text: str) -> str:
    return sys.intern(free_name(text))


def annotated_seconds(meta: Meta, name: str) -> float | None:
    """The duration in an annotation, in seconds; None if there is none or it is invalid."""
    return seconds_in((meta.annotations or {}).get(name))


def seconds_in(text: object) -> float | None:
    """A duration in seconds; None if `text` is not a duration."""
    if not isinstance(text, str):
        return None
    try:
        return parse_duration(text)
    except ValueError:
        return None
