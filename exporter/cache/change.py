"""One change of one object, as a watch tells it."""

from typing import NamedTuple

from exporter.cache.records import Record

__all__ = ["CODERUNS", "CONFIGMAPS", "JOBS", "Change", "Key"]

CODERUNS, JOBS, CONFIGMAPS = "coderuns", "jobs", "configmaps"


class Key(NamedTuple):
    """An object's identity inside: its resource and its UID."""

    resource: str
    uid: str


class Change(NamedTuple):
    """The object `uid` of a resource, in one part of its table, is now `record`; None: it is gone."""

    resource: str
    part: str
    uid: str
    record: Record | None
