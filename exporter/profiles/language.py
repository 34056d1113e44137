"""A profile: how to read the runs of one kind. Each class is a mapping in YAML, each field one of its keys.

The source of a value is a path (docs/profiles.md), a literal text, or a mapping with a path and conditions. If a
source is a list, the first item with a non-empty value is used.
"""

import re
from typing import Final

import msgspec

__all__ = [
    "STATE_NAMES",
    "About",
    "Delivery",
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
    "parse_resource",
    "pod_workers",
    "profile_workers",
]

STATE_NAMES: Final = ("waiting", "open", "succeeded", "failed", "cancelled")

_VERSION: Final = re.compile(r"v[0-9]+((alpha|beta)[0-9]+)?")  # an API version

Value = str | bool | int | float


class _Strict(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A mapping in a profile. Unknown keys are errors."""


class From(_Strict, frozen=True):
    """A source that is a path with further keys."""

    path: str
    """The path of the field."""
    after: str = ""
    """Keep only the part after the last occurrence of this text: with `-`, `5DLabs-Rex` becomes `Rex`."""
    when: dict[str, tuple[Value, ...]] = {}
    """Conditions: paths, and the allowed values of each. If one does not hold, this source has no value."""


Source = str | From | tuple[str | From, ...]


class StateRule(_Strict, frozen=True):
    """Maps the values of a field to states. `absent` matches a missing or empty value, `present` any other."""

    path: str = ".status.phase"
    """The path of the field, as in `kubectl get -o jsonpath`."""
    waiting: tuple[Value, ...] = ()
    """Values of a run that waits by design: queued, suspended, scheduled. It needs no Job yet."""
    open: tuple[Value, ...] = ()
    """Values of a run that needs a worker or has one."""
    succeeded: tuple[Value, ...] = ()
    """Values of a run that succeeded."""
    failed: tuple[Value, ...] = ()
    """Values of a run that failed."""
    cancelled: tuple[Value, ...] = ()
    """Values of a run that a user ended. It does not count as failed."""


class JobAbout(_Strict, frozen=True):
    """Labels and annotations of a Job or Pod, for values that its run does not have."""

    agent: Source = ()
    """The agent."""
    service: Source = ()
    """What the agent works on."""
    task_id: Source = ()
    """The task."""
    cli: Source = ()
    """The agent's command-line tool."""
    attempt: Source = ()
    """The number of the attempt: of two Jobs created within the same second, the greater number is the newer Job."""


class Worker(_Strict, frozen=True):
    """The object that works for a run: a Job, a Pod, or another run."""

    is_: str = msgspec.field(default="Job", name="is")
    """The kind of the object that has the run as its controller (ownerReference): `Job`, `Pod`, or a kind of run, as
    its kind or `PLURAL.GROUP` in `coderuns.kinds`. The Jobs or Pods of that run are those of this run. `none`: no
    object works only for this run, and it is never reported to have no Job. `self`: the run is itself a Job; `only`
    and `about` then read its labels and annotations, and it has only the metrics of Jobs."""
    when: dict[str, tuple[Value, ...]] = {}
    """Conditions on the run: paths, and the allowed values of each. If there are several workers, the first one whose
    conditions hold is used."""
    selector: str = ""
    """For Pods: a label selector, as in `kubectl get pods -l`, such as `kubeopencode.io/task`. The API server then
    sends only Pods that it selects. All Pod workers of a profile have the same selector. Not set: all Pods of the
    namespaces are listed, and those that are not workers are discarded."""
    named: Source = ()
    """For Pods: the source of the Pod's name in the run. The Pod is then matched by this name in the namespace of the
    run, whichever object controls it. Not set: it is matched by its ownerReference."""
    shared: bool = False
    """For Pods with `named`: whether the Pod outlives the run and works for other runs, as in a worker pool. It is
    then exposed only while an open run names it, and its start time is that of the run (`times.started`)."""
    container: str | tuple[str, ...] = ()
    """The name of the main container, or a list of names; `*` matches any text, as in `step-*`. If all of them have
    terminated and the Pod still runs, the worker has `job_hang_cause{cause="main_container_exited"}`. Not set, or no
    container of the Pod of a Job has such a name: the one in the annotation
    `kubectl.kubernetes.io/default-container`, else the only container that is not a well-known helper, such as
    `docker-daemon`, `postgres` or `*-proxy`. If there are several, the Pod has no main container."""
    container_label: str = ""
    """The key of a label of the Pod whose value is the name of the main container. It takes precedence over
    `container`."""
    reported: Source = ()
    """The name of the worker in the status of the run. Not set: the source `named`."""
    about: JobAbout = JobAbout()
    """Labels and annotations of a Job or Pod, for values that its run does not have."""


class Times(_Strict, frozen=True):
    """Times of a run."""

    since: Source = ()
    """The time since which the run needs a worker, if it is later than its creation."""
    started: Source = ()
    """The start time of its worker, if the worker is shared."""
    finished: Source = ()
    """The time at which the run ended."""
    work_completed: Source = ()
    """The time at which the run reported that its work is completed, in any state."""


class About(_Strict, frozen=True):
    """Values of a run that become labels."""

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
    """The URL of the repository."""
    workflow: Source = ()
    """The workflow that created the run."""
    run_type: Source = ()
    """The type of the run, if runs of one kind have several types."""
    message: Source = ()
    """A message that explains the state of the run."""
    attempt: Source = ()
    """The number of the attempt; 1 is the first."""


class Delivery(_Strict, frozen=True):
    """What a run that succeeds must have delivered, besides the success of its agent."""

    pull_request: Source = ()
    """The URL of its pull request."""
    when: dict[str, tuple[Value, ...]] = {}
    """Conditions: paths, and the allowed values of each. A run is expected to have a pull request if all hold. Not
    set: each run. A missing pull request counts only once a run of this kind has had one."""


class Profile(_Strict, frozen=True):
    """A kind of run: its names, and how its objects are read.

    Keys that are not set are taken from the shipped profile of the same PLURAL.GROUP; for other kinds from `any`.
    """

    name: str | None = None
    """The name of a shipped profile, if its resource has several."""
    resource: str | None = None
    """`PLURAL.VERSION.GROUP`, as in `kubectl get`. Alternatively, set `group`, `version` and `plural`."""
    group: str | None = None
    """The API group."""
    version: str | None = None
    """The version that is read. The ownerReference of a worker may have another version."""
    plural: str | None = None
    """The resource, as in `kubectl get`."""
    kind: str | None = None
    """The kind, as in the ownerReference of a worker."""
    only: dict[str, tuple[Value, ...]] | None = None
    """Conditions: paths, and the allowed values of each. An object is not a run if a condition does not hold;
    its Jobs are still exposed."""
    state: tuple[StateRule, ...] = ()
    """Rules, evaluated in this order: the first one that lists the value of its field sets the state. If none does,
    the state is `open`."""
    worker: Worker | tuple[Worker, ...] | None = None
    """The object that works for a run. If there are several, the first one whose `when` holds is used."""
    ready: dict[str, tuple[Value, ...]] | None = None
    """Conditions: paths, and the allowed values of each. An open run is ready if all hold. Without this key, runs are
    neither ready nor not ready."""
    long_lived: bool | dict[str, tuple[Value, ...]] | None = None
    """Whether a run works until a user ends it: `true`, or conditions on the run. The default run time limit
    does not apply to its worker."""
    delivers: Delivery | None = None
    """What a run that succeeds must have delivered. Not set: nothing is expected but the success of its agent."""
    times: Times | None = None
    """Times of a run."""
    about: About | None = None
    """Values of a run that become labels."""
    undecodable_when_empty: tuple[str, ...] | None = None
    """Fields that may be absent but not empty. If one is empty, the controller cannot decode its list of all runs."""
    requires_configmaps: bool | None = None
    """Whether the controller of this kind needs the required ConfigMaps. If so, a broken one can be the cause of a
    missing Job. If no kind needs them, ConfigMaps are read only if the settings name them."""


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """The name of a resource. The version may be empty."""

    plural: str
    version: str
    group: str

    @property
    def name(self) -> str:
        """`PLURAL.GROUP`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def parse_resource(text: str) -> Resource:
    """Parses `PLURAL.GROUP` or `PLURAL.VERSION.GROUP`."""
    plural, _, group = text.partition(".")
    version, _, rest = group.partition(".")
    if rest and _VERSION.fullmatch(version):
        return Resource(plural=plural, version=version, group=rest)
    return Resource(plural=plural, version="", group=group)


def profile_workers(profile: Profile) -> tuple[Worker, ...]:
    """All workers; Jobs if the profile sets none."""
    if profile.worker is None:
        return (Worker(),)
    return profile.worker if isinstance(profile.worker, tuple) else (profile.worker,)


def pod_workers(profile: Profile) -> tuple[Worker, ...]:
    """The workers that are Pods."""
    return tuple(worker for worker in profile_workers(profile) if worker.is_ == "Pod")


def is_job(profile: Profile) -> bool:
    """Whether its runs are themselves Jobs."""
    return any(worker.is_ == "self" for worker in profile_workers(profile))
