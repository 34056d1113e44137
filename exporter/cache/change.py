"""A change of one object, as received from a watch."""

from typing import NamedTuple

from exporter.cache.records import Record

__all__ = [
    "CODERUNS",
    "CONFIGMAPS",
    "EVENTS",
    "JOBS",
    "LOGS",
    "PODS",
    "WORKFLOWS",
    "WORKFLOW_TEMPLATES",
    "Change",
    "Key",
]

CODERUNS, JOBS, CONFIGMAPS, PODS, EVENTS = "coderuns", "jobs", "configmaps", "job_pods", "events"
LOGS = "logs"
WORKFLOWS, WORKFLOW_TEMPLATES = "workflows", "workflowtemplates"
"""The names of the tables. `jobs` also has worker Pods (of runs without a Job); `job_pods` has the Pods of Jobs."""


class Key(NamedTuple):
    """Identifies a cached object: its table and its UID."""

    table: str
    uid: str


class Change(NamedTuple):
    """The new record of an object in one partition of a table; None: the object was deleted."""

    table: str
    partition: str
    uid: str
    record: Record | None
