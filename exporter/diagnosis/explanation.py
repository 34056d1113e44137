"""What is known of one run: the findings, and the chain run, worker, pod, container with times, states and Events.

`explain` prints it, the API sends it as JSON. Sizes are limited, whatever the cluster holds.
"""

import datetime as dt
from typing import Any

import msgspec

__all__ = [
    "ContainerView",
    "EventView",
    "Explanation",
    "FindingView",
    "PodView",
    "RunList",
    "TimelineEntry",
    "WorkerView",
    "time_of",
]

Time = dt.datetime | None


class _View(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """Keys are in lower camel case, as in the API of Kubernetes. Times are RFC 3339 in UTC, or null."""


class FindingView(_View, kw_only=True, frozen=True):
    """A finding with what the table of causes says about its cause."""

    cause: str
    """A name of docs/causes.md."""
    fault: bool
    """Whether it is a fault by now. Many states are normal for a while; `suspended` and others are no faults."""
    evidence: str
    """What shows it: one line."""
    since: Time = None
    """Since when."""
    meaning: str = ""
    """What the cause means."""
    act: str = ""
    """Who must act."""
    next: str = ""
    """The next command."""
    fix: str = ""
    """What mends it, if that is the same each time: one line."""


class EventView(_View, kw_only=True, frozen=True):
    """A warning about an object. Kubernetes deletes Events after an hour; a running exporter keeps the newest."""

    object: str
    """`KIND/NAME` of the object."""
    reason: str
    """The reason, as `kubectl events` shows it."""
    note: str
    """The text."""
    count: int = 1
    """How often it was seen."""
    first: Time = None
    """When it was first seen."""
    last: Time = None
    """When it was last seen."""


class ContainerView(_View, kw_only=True, frozen=True):
    """A container of a pod."""

    name: str
    """Its name."""
    role: str
    """`main`, `init` or `side`."""
    state: str = ""
    """`waiting`, `running` or `terminated`; empty if the kubelet has not reported it."""
    reason: str = ""
    """Why it is in this state."""
    exit_code: int | None = None
    """The exit code, if it has terminated."""
    since: Time = None
    """Its start if it is running, its end if it has terminated."""
    restarts: int = 0
    """How often it was restarted."""
    last_reason: str = ""
    """Why it ended before its last restart."""


class PodView(_View, kw_only=True, frozen=True):
    """A pod of a worker."""

    name: str
    """Its name."""
    state: str
    """Its phase, or `Terminating`."""
    reason: str = ""
    """Why it failed or is not scheduled."""
    node: str = ""
    """Its node."""
    created: Time = None
    """When it was created."""
    started: Time = None
    """When the kubelet accepted it."""
    finished: Time = None
    """When its last container ended."""
    deleted: Time = None
    """The end of the grace period of its deletion."""
    containers: tuple[ContainerView, ...] = ()
    """At most 50."""


class WorkerView(_View, kw_only=True, frozen=True):
    """A Job, or a Pod that is itself the worker."""

    kind: str
    """`Job` or `Pod`."""
    name: str
    """Its name."""
    state: str
    """`succeeded`, `failed`, `suspended`, `terminating`, `running`, `pending` or `no pod`."""
    reason: str = ""
    """Why it failed."""
    current: bool = True
    """Whether it is the current worker of the run."""
    created: Time = None
    """When it was created."""
    started: Time = None
    """When it started."""
    finished: Time = None
    """When it ended."""
    deleted: Time = None
    """When its deletion was requested."""
    pods: tuple[PodView, ...] = ()
    """At most 10, the newest."""
    pods_known: bool = True
    """Whether pods could be read. If not, `pods` is empty and says nothing."""


class TimelineEntry(_View, kw_only=True, frozen=True):
    """Something that happened."""

    time: dt.datetime
    """When."""
    object: str
    """`KIND/NAME` of the object."""
    what: str
    """What happened."""


class Explanation(_View, kw_only=True, frozen=True):
    """One run, or a Job without a run."""

    namespace: str
    """Its namespace."""
    name: str
    """Its name; runs of kinds other than the first have their kind before it, as `docsrun/NAME`."""
    kind: str
    """Its kind."""
    uid: str = ""
    """Its UID."""
    verdict: str
    """`fault`, `unknown` (the first cause is `cannot_tell`), or `ok`."""
    state: str
    """`waiting`, `open`, `succeeded`, `failed` or `cancelled`."""
    phase: str = ""
    """The value of its status that determined the state."""
    message: str = ""
    """Its own message: one line."""
    agent: str = ""
    """The agent."""
    attempt: int = 1
    """The number of the attempt."""
    created: Time = None
    """When it was created."""
    finished: Time = None
    """When it ended."""
    deleted: Time = None
    """When its deletion was requested."""
    observed: Time = None
    """The time of this answer, from which ages are counted."""
    findings: tuple[FindingView, ...] = ()
    """Causes before their effects. The first one is the cause."""
    workers: tuple[WorkerView, ...] = ()
    """At most 10, the newest first."""
    more_workers: int = 0
    """The number of others."""
    events: tuple[EventView, ...] = ()
    """At most 20, the newest first."""
    events_known: bool = True
    """Whether Events could be read. If not, `events` is empty and says nothing."""
    timeline: tuple[TimelineEntry, ...] = ()
    """What happened, in order; only from a running exporter, and only for one run. At most 200 entries."""
    recorded: Time = None
    """When it was recorded, if the run no longer exists: everything is as of that time."""
    notes: tuple[str, ...] = ()
    """Remarks about this answer, such as what was not read."""


class RunList(_View, kw_only=True, frozen=True):
    """A page of runs."""

    api_version: str = "v1"
    """The version of this API."""
    items: tuple[Explanation, ...] = ()
    """The runs, by namespace and name."""
    continue_: str = msgspec.field(default="", name="continue")
    """The token of the next page; empty on the last one."""
    notes: tuple[str, ...] = ()
    """Remarks about the answer."""


def time_of(seconds: float | None) -> Any:
    """A time of the cache as a time of an explanation; None if it is out of range."""
    if seconds is None:
        return None
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC).replace(microsecond=0)
    except (ValueError, OverflowError, OSError):
        return None
