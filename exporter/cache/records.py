"""What is kept of an object: only what a series or a join needs, about 0.7 kB of an object's several.

Times are seconds since the epoch. Every field may be missing in life, so each has a value for "not there":
None for numbers, the empty string for names.
"""

import msgspec

__all__ = ["ConfigMap", "Job", "Record", "Run", "named_key"]

_TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
_NAMED = "@"  # no UID begins so


def named_key(namespace: str, name: str) -> str:
    """Stands for the owner of a worker that is known by its name."""
    return f"{_NAMED}{namespace}/{name}"


class Run(msgspec.Struct, gc=False, kw_only=True):
    """An object of a configured kind: a run of an agent."""

    uid: str
    namespace: str
    name: str
    kind: str = ""
    resource: str = ""
    """`PLURAL.GROUP`, which tells apart kinds of one name."""
    created: float | None = None
    phase: str = ""
    """The value that decided its state, or that its profile does not list; empty where there is none."""
    phase_label: str = "none"
    """The phase as a label, from a closed set."""
    state: str = "open"
    """`waiting`, `open`, `succeeded`, `failed` or `cancelled`, by the profile of its kind."""
    message: str = ""
    finalizer: bool = False
    """Whether a controller has put a finalizer on it: it has looked at the run."""
    undecodable: str = ""
    """Why the platform's controller cannot decode this run, and so no list with it; empty where it can."""
    requires_configmaps: bool = True
    worker: str = "Job"
    """What works for it: `Job`, `Pod`, or empty where its worker is not read, so that it never lacks one."""
    workers: str = ""
    """What the parts of the table that hold its workers begin with; the namespace or `*` follows."""
    named: str | None = None
    """The name of its worker, where that is known by its name; None: by its ownerReference."""
    shared: bool = False
    """Whether its worker outlives it, and works for other runs before and after it."""
    started: float | None = None
    """When it started, where its status says so."""
    since: float | None = None
    """Since when it needs its worker, where its status says so."""
    ready: bool | None = None
    """Whether it is ready; None where its profile does not define that."""
    long_lived: bool = False
    """Whether it works until it is ended on request, so that its age is no fault."""
    run_type: str = ""
    agent: str = ""
    service: str = ""
    task_id: str = ""
    cli: str = ""
    model: str = ""
    repository: str = ""
    workflow: str = ""
    attempt: int = 1
    status_job: str = ""
    work_completed: float | None = None
    finished: float | None = None
    deleted: float | None = None
    deadline: float | None = None
    """Its own threshold for the creation of its Job, in seconds; None: the policy's."""

    @property
    def terminal(self) -> bool:
        """Nothing more will happen to it."""
        return self.state in _TERMINAL

    @property
    def worker_key(self) -> str:
        """What its workers have as their owner; empty where it names none yet."""
        if self.named is None:
            return self.uid
        return named_key(self.namespace, self.named) if self.named else ""

    @property
    def untouched(self) -> bool:
        """No controller has looked at it: no finalizer, no status."""
        return not self.phase and not self.finalizer and not self.status_job


class Job(msgspec.Struct, gc=False, kw_only=True):
    """A Job, or a Pod that is itself a worker: made for a run, named by one, or matching the configured labels."""

    uid: str
    namespace: str
    name: str
    owner: str = ""
    """UID of the run that controls it; empty for a Job that is here by its labels alone. Of a Pod that runs take by
    its name, that place: `named_key`."""
    owner_name: str = ""
    owner_resource: str = ""
    """`PLURAL.GROUP` of that run; empty where not every object of that resource is a run, so that it may exist."""
    kind: str = ""
    is_pod: bool = False
    created: float | None = None
    started: float | None = None
    active: int = 0
    """Pods that are pending or running."""
    ready: int | None = None
    """Pods that are ready; None where the server does not write it."""
    terminating: int = 0
    finished: float | None = None
    result: str = ""
    """`succeeded`, `failed`, or empty while it is unfinished."""
    reason: str = ""
    suspended: bool = False
    queue: str = ""
    """The Kueue queue that suspends and resumes it."""
    deleted: float | None = None
    """When its deletion was requested: a Job that is being deleted is no run's present Job. Of a Pod, when its grace
    period ends: until it is gone, it is the run's."""
    version: int = 0
    agent: str = ""
    service: str = ""
    task_id: str = ""
    cli: str = ""
    deadline: float | None = None
    max_runtime: float | None = None
    """Its own threshold for its run time, in seconds; None: the policy's."""
    waiting: str = ""
    """Why a Pod does not start, as its containers or the scheduler say it."""
    main_ended: str = ""
    """The main container of a running Pod, where it has terminated."""

    @property
    def worker(self) -> str:
        """Its kind."""
        return "Pod" if self.is_pod else "Job"

    @property
    def is_named(self) -> bool:
        """Whether runs take it by its name: without one that does it is no worker."""
        return self.owner.startswith(_NAMED)


class ConfigMap(msgspec.Struct, gc=False, kw_only=True):
    """A ConfigMap that the exporter looks for, as it was last read; it has a record also while it does not exist."""

    uid: str
    """`NAMESPACE/NAME`: the place is required, whichever object fills it."""
    namespace: str
    name: str
    read: bool = True
    """Whether its content, or its absence, has ever been seen."""
    by_default: bool = False
    """Whether it is of the default set, which is required only where the platform uses it."""
    required: bool = True
    """Whether it has to exist; kept correct by the cluster."""
    exists: bool = False
    forbidden: bool = False
    keys: int = 0
    size: int = 0
    """Bytes of data and of decoded binaryData."""
    missing_keys: tuple[str, ...] = ()
    empty_keys: tuple[str, ...] = ()
    shrunk: bool = False
    """Whether it lost more than half of its keys or bytes within 24 hours; kept correct by the cluster."""

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What makes it unfit, as (problem, key)."""
        if not self.read or not self.required:
            return []
        if not self.exists:
            return [("missing", "")]
        if self.size == 0:
            return [("empty", "")]
        return [
            *(("missing_key", key) for key in self.missing_keys),
            *(("empty_key", key) for key in self.empty_keys),
        ]

    @property
    def healthy(self) -> bool | None:
        """None while it has not been read, an unknown is not a no; and None while nothing requires it."""
        return not self.problems if self.read and self.required else None


Record = Run | Job | ConfigMap
"""Whatever the picture holds."""
