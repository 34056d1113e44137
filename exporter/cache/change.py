"""A change of one object, as received from a watch."""

from typing import NamedTuple

from exporter.cache.records import Record

__all__ = ["CODERUNS", "CONFIGMAPS", "EVENTS", "JOBS", "LOGS", "PODS", "Change", "Key"]

CODERUNS, JOBS, CONFIGMAPS, PODS, EVENTS = "coderuns", "jobs", "configmaps", "job_pods", "events"
LOGS = "logs"


class Key(NamedTuple):
    """Identifies a cached object: its resource and its UID."""

    resource: str
    uid: str


class Change(NamedTuple):
    """The new record of an object in one partition of its table; None: the object was deleted."""

    resource: str
    partition: str
    uid: str
    record: Record | None
