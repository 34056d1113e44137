"""The explanation of one run: its findings, and its worker, pods, containers and Events with their times and states.

The worker is the Job or Pod that works for the run. `explain` prints an explanation, the API sends it as JSON. The
sizes of its lists and texts are limited.
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
    "WorkflowView",
    "time_of",
]

Time = dt.datetime | None


class _View(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """Keys are in lower camel case, as in the API of Kubernetes. Times are RFC 3339 in UTC, or null."""


class FindingView(_View, kw_only=True, frozen=True):
    """A finding: a cause, its evidence, and its entry in the table of causes."""

    cause: str
    """The name of the cause, as in docs/causes.md."""
    fault: bool
    """Whether it is a fault. Many states become a fault only after some time; some, such as `suspended`, never do."""
    evidence: str
    """The evidence, one line."""
    since: Time = None
    """The time since which the cause exists."""
    meaning: str = ""
    """What the cause means."""
    act: str = ""
    """Who must act: the people who can correct it."""
    next: str = ""
    """The next command to run."""
    fix: str = ""
    """What corrects it, if that is the same each time: one line."""


class EventView(_View, kw_only=True, frozen=True):
    """A Warning Event about an object. A running exporter keeps Events longer than the hour of Kubernetes."""

    object: str
    """`KIND/NAME` of the object."""
    reason: str
    """The reason, as `kubectl events` shows it."""
    note: str
    """The message of the Event."""
    count: int = 1
    """The number of occurrences."""
    first: Time = None
    """The first occurrence."""
    last: Time = None
    """The last occurrence."""


class ContainerView(_View, kw_only=True, frozen=True):
    """A container of a pod."""

    name: str
    """The name of the container."""
    role: str
    """`main`; `init`: an init container; or `side`: any other container, such as a sidecar."""
    state: str = ""
    """`waiting`, `running` or `terminated`; empty if the kubelet has not reported it."""
    reason: str = ""
    """Why it is in this state."""
    exit_code: int | None = None
    """The exit code, if it has terminated."""
    since: Time = None
    """The start of a running container; the end of a terminated one."""
    restarts: int = 0
    """The number of restarts."""
    last_reason: str = ""
    """Why it ended before its last restart."""


class PodView(_View, kw_only=True, frozen=True):
    """A pod of a worker."""

    name: str
    """The name of the pod."""
    state: str
    """The phase of the pod, or `Terminating`."""
    reason: str = ""
    """Why it failed or is not scheduled."""
    node: str = ""
    """The node of the pod."""
    created: Time = None
    """When it was created."""
    started: Time = None
    """When the kubelet accepted it."""
    finished: Time = None
    """When its last container ended."""
    deleted: Time = None
    """The end of the grace period of its deletion."""
    containers: tuple[ContainerView, ...] = ()
    """The containers of the pod, at most 50."""


class WorkerView(_View, kw_only=True, frozen=True):
    """The object that works for the run: a Job, or a Pod without a Job."""

    kind: str
    """`Job` or `Pod`."""
    name: str
    """The name of the Job or Pod."""
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
    """The newest pods of the worker, at most 10."""
    more_pods: int = 0
    """The number of pods that are not in `pods`."""
    pods_known: bool = True
    """Whether the pods could be read. If not, `pods` is empty although there may be pods."""


class WorkflowView(_View, kw_only=True, frozen=True):
    """The Argo Workflow that owns the run."""

    name: str
    """The name of the Workflow."""
    state: str = ""
    """Its phase; empty if it was not read: `workflows.enabled` is not set, it has completed, or was deleted."""
    created: Time = None
    """When it was created."""
    step: str = ""
    """The open step that waits for the run; empty if there is none, or if it is unknown."""
    step_started: Time = None
    """When this step started."""


class TimelineEntry(_View, kw_only=True, frozen=True):
    """An event in the life of the run."""

    time: dt.datetime
    """The time of the event."""
    object: str
    """`KIND/NAME` of the object."""
    what: str
    """What happened."""


class Explanation(_View, kw_only=True, frozen=True):
    """One run, or a Job without a run."""

    namespace: str
    """The namespace of the run."""
    name: str
    """The name of the run. Unless its kind is the first in the settings, the kind is before it: `docsrun/NAME`."""
    kind: str
    """The kind of the run."""
    uid: str = ""
    """The UID of the run."""
    verdict: str
    """`fault`; `unknown` if no fault was found, but some objects could not be read; or `ok`."""
    state: str
    """`waiting`, `open`, `succeeded`, `failed` or `cancelled`."""
    phase: str = ""
    """The value in the status of the run that determined its state."""
    message: str = ""
    """The message in the status of the run, one line."""
    agent: str = ""
    """The agent of the run."""
    attempt: int = 1
    """The number of the current attempt."""
    created: Time = None
    """When it was created."""
    finished: Time = None
    """When it ended."""
    deleted: Time = None
    """When its deletion was requested."""
    observed: Time = None
    """The time of this response. The ages in its texts are relative to it."""
    findings: tuple[FindingView, ...] = ()
    """The findings, each cause before its effects. The first one is the cause of the run's state."""
    workflow: WorkflowView | None = None
    """The Argo Workflow that owns the run."""
    workers: tuple[WorkerView, ...] = ()
    """The Jobs or Pods that work for the run, at most 10, the newest first."""
    more_workers: int = 0
    """The number of workers that are not in `workers`."""
    events: tuple[EventView, ...] = ()
    """Events about the run, its workers and their pods, at most 20, the newest first."""
    events_known: bool = True
    """Whether Events could be read. If not, `events` is empty although there may be Events."""
    timeline: tuple[TimelineEntry, ...] = ()
    """What happened, in order, at most 200 entries. Only in the response of an exporter to
    `GET /api/v1/runs/NAMESPACE/NAME`; empty in lists, and if `explain` reads a cluster or a dump."""
    recorded: Time = None
    """Set if the run no longer exists: the time at which this explanation was recorded."""
    notes: tuple[str, ...] = ()
    """Limitations of this response, such as unreadable resources, and limits that will soon be reached."""


class RunList(_View, kw_only=True, frozen=True):
    """A page of runs."""

    api_version: str = "v1"
    """The version of this API."""
    items: tuple[Explanation, ...] = ()
    """The runs, sorted by namespace and name."""
    continue_: str = msgspec.field(default="", name="continue")
    """The token of the next page; empty in the last page."""
    notes: tuple[str, ...] = ()
    """Limitations of this response, such as resources that cannot be watched at the moment."""


def time_of(seconds: float | None) -> Any:
    """A time of the cache as a time of an explanation; None if it is out of range."""
    if seconds is None:
        return None
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC).replace(microsecond=0)
    except (ValueError, OverflowError, OSError):
        return None
