"""Cached records. A record has only the fields that a metric needs: about 0.7 kB of an object of several kB.

Times are in seconds since the epoch. Every field of an object may be absent: then numbers are None and names are
the empty string. A worker is the object that works for a run: a Job, a Pod, or another run.
"""

import msgspec

from exporter.cache.pod_records import Pod
from exporter.cache.workflow_records import Workflow, WorkflowTemplate

__all__ = ["CONFIGMAP_LIMIT", "NAMED", "ConfigMap", "Job", "Record", "Run", "named_key"]

CONFIGMAP_LIMIT = 1_048_576
"""Maximum size of the values of a ConfigMap, in bytes: https://kubernetes.io/docs/concepts/configuration/configmap/"""
_TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
_NOT_RUNS = frozenset({"Job", "Pod", ""})
NAMED = "@"
"""The first character of a `named_key`. No UID begins with it."""


def named_key(namespace: str, name: str) -> str:
    """The value of `Job.owner` for a worker that is matched by name, which has no owner UID."""
    return f"{NAMED}{namespace}/{name}"


class Run(msgspec.Struct, gc=False, kw_only=True):
    """A run of an agent: an object of a configured kind."""

    uid: str
    namespace: str
    name: str
    kind: str = ""
    resource: str = ""
    """`PLURAL.GROUP`. Distinguishes kinds with the same name."""
    created: float | None = None
    phase: str = ""
    """The value that determined the state, or a value that the profile does not list; empty if there is none."""
    phase_label: str = "none"
    """The phase as a label, from a closed set."""
    state: str = "open"
    """`waiting`, `open`, `succeeded`, `failed` or `cancelled`, according to the profile of the kind."""
    message: str = ""
    finalizer: bool = False
    """Whether a controller has added a finalizer, and so has processed the run."""
    undecodable: str = ""
    """Why the platform's controller cannot decode this run, nor any list that contains it; empty if it can."""
    requires_configmaps: bool = True
    owner: str = ""
    """UID of the run that controls it, if its kind is the worker of another kind."""
    workflow_uid: str = ""
    """UID of the Argo Workflow that owns it."""
    workflow_owner: str = ""
    """Name of the Argo Workflow that owns it."""
    worker: str = "Job"
    """Kind of its worker: `Job`, `Pod`, or a kind of runs as its profile names it. Empty if its workers are not
    watched; the run is then never reported to have no worker."""
    workers_prefix: str = ""
    """Prefix of the name of the partition that holds its workers; the namespace or `*` follows."""
    named: str | None = None
    """Name of its worker, if matched by name; None: matched by ownerReference."""
    shared: bool = False
    """Whether its worker outlives it and also works for other runs."""
    started: float | None = None
    """Start time, from its status."""
    since: float | None = None
    """The time since which it needs a worker, from its status."""
    spec_changed: float | None = None
    """The time of the last change of its spec, from managedFields: only in a dump."""
    ready: bool | None = None
    """Whether it is ready; None if its profile does not define readiness."""
    long_lived: bool = False
    """Whether it runs until a user ends it. The default run time limit does not apply."""
    pull_request: bool | None = None
    """Whether it has the pull request that is expected of it when it succeeds; None if none is expected."""
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
    finalizers: str = ""
    """The names of its finalizers, while it is being deleted."""
    deadline: float | None = None
    """Job creation deadline from its annotation, in seconds; None: the configured one."""

    @property
    def terminal(self) -> bool:
        """Whether it has ended."""
        return self.state in _TERMINAL

    @property
    def worker_is_run(self) -> bool:
        """Whether its workers are runs of another kind. Its worker runs have the Jobs and Pods."""
        return self.worker not in _NOT_RUNS

    @property
    def worker_key(self) -> str:
        """The value of `Job.owner` of its workers; empty if its status does not name a worker yet."""
        if self.named is None:
            return self.uid
        return named_key(self.namespace, self.named) if self.named else ""

    @property
    def untouched(self) -> bool:
        """Whether no controller has processed it: it has no finalizer and no status."""
        return not self.phase and not self.finalizer and not self.status_job


class Job(msgspec.Struct, gc=False, kw_only=True):
    """A Job, or a worker Pod: a Pod that works for a run that has no Job.

    It is controlled or named by a run, or matches the configured labels.
    """

    uid: str
    namespace: str
    name: str
    owner: str = ""
    """UID of the run that controls it; empty for a Job selected only by labels."""
    owner_name: str = ""
    owner_resource: str = ""
    """`PLURAL.GROUP` of that run; empty if the exporter does not read every object of that resource."""
    kind: str = ""
    """The kind of that run, such as `CodeRun`."""
    is_pod: bool = False
    is_named: bool = False
    """Whether runs reference it by name: `owner` is then a `named_key`. It is a worker while a run names it."""
    created: float | None = None
    started: float | None = None
    active: int = 0
    """Pods that are pending or running."""
    ready: int | None = None
    """Pods that are ready; None if the server does not set it."""
    terminating: int = 0
    finished: float | None = None
    result: str = ""
    """`succeeded`, `failed`, or empty while it is unfinished."""
    reason: str = ""
    message: str = ""
    """Why the Job controller ends it, or has ended it as failed: the message of its condition."""
    failed_indexes: str = ""
    """The indexes of an unfinished Job that have failed for good, such as `1,3-5`, unless it may succeed without."""
    suspended: bool = False
    queue: str = ""
    """The Kueue queue that suspends and resumes it."""
    managed_by: str = ""
    """The controller in `spec.managedBy`, if it is not the Job controller of Kubernetes."""
    deleted: float | None = None
    """The time at which its deletion was requested; a Job that is being deleted is not the current Job of a run.
    For a Pod, the end of its grace period; a Pod is the current worker until it is deleted."""
    finalizers: str = ""
    """The names of its finalizers, while it is being deleted."""
    version: int = 0
    agent: str = ""
    service: str = ""
    task_id: str = ""
    cli: str = ""
    deadline: float | None = None
    max_runtime: float | None = None
    """Maximum run time from its annotation, in seconds; None: the configured one."""
    manual_selector: bool = False
    """Whether its Pods may lack the label `job-name`, by which the Pods of Jobs are selected."""
    pod: Pod | None = None
    """The Pod, if it is itself the worker."""

    @property
    def worker(self) -> str:
        """The kind of this worker."""
        return "Pod" if self.is_pod else "Job"


class ConfigMap(msgspec.Struct, gc=False, kw_only=True):
    """A required ConfigMap as last read. It has a record even while it does not exist."""

    uid: str
    """`NAMESPACE/NAME`, not the UID of the object."""
    namespace: str
    name: str
    read: bool = True
    """Whether its content, or its absence, has ever been read."""
    by_default: bool = False
    """Whether it belongs to the default set, which is required only if the platform uses it."""
    required: bool = True
    """Whether it must exist; set by the cache."""
    exists: bool = False
    forbidden: bool = False
    keys: int = 0
    size: int = 0
    """Bytes of data and of decoded binaryData."""
    missing_keys: tuple[str, ...] = ()
    empty_keys: tuple[str, ...] = ()
    shrunk: bool = False
    """Whether it lost more than half of its keys or bytes within 24 hours; set by the cache."""

    @property
    def near_limit(self) -> bool:
        """Whether its values take 80 % or more of the size limit of Kubernetes."""
        return self.size >= 0.8 * CONFIGMAP_LIMIT

    @property
    def problems(self) -> list[tuple[str, str]]:
        """Why it is unhealthy, as (problem, key)."""
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
        """Whether it has no problem; None if it has not been read or is not required."""
        return not self.problems if self.read and self.required else None


Record = Run | Job | ConfigMap | Workflow | WorkflowTemplate
"""A cached record."""
