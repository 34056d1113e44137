"""A profile: how the runs of one kind are read. Each class is a mapping of the YAML, each field one of its keys.

A source of a value is a path (docs/profiles.md), text that stands for itself, or a mapping with more to say about
the path; of a list of sources the first that gives a value counts. An empty value counts as none.
"""

import re
from typing import Final

import msgspec

__all__ = [
    "STATE_NAMES",
    "About",
    "From",
    "JobAbout",
    "Profile",
    "Resource",
    "Source",
    "StateRule",
    "Times",
    "Value",
    "Worker",
    "is_job",
    "resource_of",
    "workers_of",
]

STATE_NAMES: Final = ("waiting", "open", "succeeded", "failed", "cancelled")

_VERSION: Final = re.compile(r"v[0-9]+((alpha|beta)[0-9]+)?")  # of an API, as the API server sorts them

Value = str | bool | int | float


class _Part(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A part of a profile; a key that it does not have is an error."""


class From(_Part, frozen=True):
    """A source of a value that needs more than a path."""

    path: str
    """The field."""
    after: str = ""
    """Only what follows this text, where it is last: after `-`, `5DLabs-Rex` is `Rex`."""
    when: dict[str, tuple[Value, ...]] = {}
    """Paths and values that they must have, or else there is no value here."""


Source = str | From | tuple[str | From, ...]


class StateRule(_Part, frozen=True):
    """Which values of a field stand for which state. `absent` stands for no or an empty value, `present` for any.

    A boolean stands for itself and for its text, `True` or `False`.
    """

    path: str = ".status.phase"
    """The field, as `kubectl get -o jsonpath` names it."""
    waiting: tuple[Value, ...] = ()
    """Waits by design: queued, suspended, scheduled. Such a run is never late."""
    open: tuple[Value, ...] = ()
    """Needs a worker, or works."""
    succeeded: tuple[Value, ...] = ()
    """Ended well."""
    failed: tuple[Value, ...] = ()
    """Ended badly."""
    cancelled: tuple[Value, ...] = ()
    """Ended on request, which is no failure."""


class JobAbout(_Part, frozen=True):
    """What labels and annotations of a Job say, where its run does not."""

    agent: Source = ()
    """The agent."""
    service: Source = ()
    """What the agent works on."""
    task_id: Source = ()
    """The task."""
    cli: Source = ()
    """The agent's command-line tool."""
    attempt: Source = ()
    """A number: of two Jobs that were created within the same second, the greater one is newer."""


class Worker(_Part, frozen=True):
    """The object that works for a run."""

    is_: str = msgspec.field(default="Job", name="is")
    """`Job`, `Pod` or the kind of another profile: one that has the run as its controller (ownerReference). `none`:
    nothing works for it alone. Only Jobs are read: a run with another worker never lacks a Job. `self`: the run is a
    Job; `only` and `about` then read its labels and annotations, and it has the families of Jobs alone."""
    when: dict[str, tuple[Value, ...]] = {}
    """Paths and values that the run must have; of several workers the first whose values match counts."""
    reported: Source = ()
    """The worker's name, as the status of the run reports it."""
    about: JobAbout = JobAbout()
    """What labels and annotations of a Job say, where its run does not."""


class Times(_Part, frozen=True):
    """Moments in the life of a run."""

    since: Source = ()
    """Since when it needs a worker, where that is later than its creation."""
    finished: Source = ()
    """When it ended."""
    work_completed: Source = ()
    """When it reported that its work is completed, whatever its state is."""


class About(_Part, frozen=True):
    """What is known about a run besides its state, as labels."""

    agent: Source = ()
    """The agent; in lower case."""
    service: Source = ()
    """What the agent works on."""
    task_id: Source = ()
    """The task."""
    cli: Source = ()
    """The agent's command-line tool; in lower case."""
    model: Source = ()
    """The language model."""
    repository: Source = ()
    """The address of the repository."""
    workflow: Source = ()
    """The workflow that created the run."""
    run_type: Source = ()
    """What sort of run it is, where a kind has several."""
    message: Source = ()
    """Why the run is in this state, in words."""
    attempt: Source = ()
    """The number of the attempt, 1 for the first."""


class Profile(_Part, frozen=True):
    """A kind of run: its names, and how its objects are read.

    What is not set is as in the shipped profile of the same PLURAL.GROUP; for other kinds as in `any`.
    """

    name: str | None = None
    """A name of its own, for a shipped profile of a resource that has several."""
    resource: str | None = None
    """`PLURAL.VERSION.GROUP`, as `kubectl get` takes it. In place of it: `group`, `version` and `plural`."""
    group: str | None = None
    """The API group."""
    version: str | None = None
    """The version that is read; a Job's owner may name another."""
    plural: str | None = None
    """The resource, as in `kubectl get`."""
    kind: str | None = None
    """The kind, as the ownerReference of a Job names it."""
    only: dict[str, tuple[Value, ...]] | None = None
    """Paths and values that an object must have; another one is no run. Its Jobs are on the page all the same."""
    state: tuple[StateRule, ...] = ()
    """Asked in this order: the first field whose value is listed decides. Where none is, the run is open."""
    worker: Worker | tuple[Worker, ...] | None = None
    """What works for a run; of several the first whose `when` holds."""
    times: Times | None = None
    """Moments in the life of a run."""
    about: About | None = None
    """What is known about a run besides its state."""
    undecodable_when_empty: tuple[str, ...] | None = None
    """Fields that may be absent but not empty: one such object makes the controller's whole list undecodable."""
    requires_configmaps: bool | None = None
    """Whether its controller needs the required ConfigMaps, so that a broken one may be why a run has no Job."""


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """The name of a resource; its version may be left open."""

    plural: str
    version: str
    group: str

    @property
    def name(self) -> str:
        """`PLURAL.GROUP`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def resource_of(text: str) -> Resource:
    """Of `PLURAL.GROUP` or `PLURAL.VERSION.GROUP`."""
    plural, _, group = text.partition(".")
    version, _, rest = group.partition(".")
    if rest and _VERSION.fullmatch(version):
        return Resource(plural=plural, version=version, group=rest)
    return Resource(plural=plural, version="", group=group)


def workers_of(profile: Profile) -> tuple[Worker, ...]:
    """All workers; where none is said, Jobs."""
    if profile.worker is None:
        return (Worker(),)
    return profile.worker if isinstance(profile.worker, tuple) else (profile.worker,)


def is_job(profile: Profile) -> bool:
    """Whether its runs are Jobs themselves."""
    return any(worker.is_ == "self" for worker in workers_of(profile))
