"""Records of Pods, their containers, and the Events about them. Times are seconds since the epoch.

All text is cleaned when a record is created: one line, without credentials, of limited length.
"""

import msgspec

__all__ = ["RUNNING", "SUCCEEDED", "Container", "Event", "Pod"]

SUCCEEDED = "Succeeded"
"""The phase of a Pod whose containers have all ended with exit code 0."""
RUNNING = frozenset({"Running", "Unknown"})
"""The phases of a Pod whose containers have started. Unknown: its node does not respond."""


class Container(msgspec.Struct, gc=False, kw_only=True, frozen=True):
    """A container and its state, as the kubelet reported it."""

    name: str
    role: str
    """`main`; `init`: an init container; or `side`: any other, such as a sidecar."""
    state: str = ""
    """`waiting`, `running` or `terminated`; empty if the kubelet has not reported it."""
    reason: str = ""
    message: str = ""
    """The message of the kubelet or the runtime. That of a container that has run is not kept: it may be the
    end of its log."""
    has_unread_message: bool = False
    """Whether it has terminated, the last time or now, with a termination message whose text is not kept."""
    end_class: str = ""
    """The class of that message, as in `exporter.log_formats.endings`; empty if it shows none."""
    exit_code: int | None = None
    since: float | None = None
    """When it started (`running`) or ended (`terminated`)."""
    restarts: int = 0
    last_reason: str = ""
    last_exit_code: int | None = None
    last_ended: float | None = None
    """Why, how and when it ended the last time, if it was restarted."""
    sidecar: bool = False
    """Whether it is a restartable init container: neither the start nor the end of the Pod waits for its end."""
    unstarted: bool = False
    """Whether it is a native sidecar that is running, and whose startup probe or postStart hook has not succeeded."""
    id: str = ""
    """The ID of a main container, if logs are read. A restarted container has another one."""


class Pod(msgspec.Struct, gc=False, kw_only=True):
    """A Pod of a Job, or a Pod that is itself a worker."""

    uid: str
    namespace: str
    name: str
    owner: str = ""
    """UID of the Job that controls it."""
    named: bool = False
    """Whether it has no controller and is matched to the Job only by its label and its name."""
    node: str = ""
    phase: str = ""
    reason: str = ""
    message: str = ""
    disruption: str = ""
    """The reason of its condition DisruptionTarget, such as `PreemptionByScheduler`."""
    created: float | None = None
    started: float | None = None
    deleted: float | None = None
    """The end of its grace period, if its deletion was requested (`deletionTimestamp`)."""
    finalizers: str = ""
    """The names of its finalizers, while it is being deleted."""
    finished: float | None = None
    gated: bool = False
    """Whether it has scheduling gates, so that the scheduler ignores it."""
    gates: str = ""
    """The names of its scheduling gates."""
    pull_secrets: str = ""
    """The names of its imagePullSecrets, the first five."""
    image_volumes: tuple[tuple[str, str], ...] = ()
    """The names and images of its volumes that are images, the first five."""
    unscheduled: str = ""
    """Why it is not scheduled, from its condition PodScheduled; empty if it is, or if the scheduler has not tried."""
    unscheduled_since: float | None = None
    scheduler: str = ""
    """spec.schedulerName, if its condition PodScheduled is not set: this scheduler has not processed the Pod."""
    ready: bool | None = None
    """The status of its condition Ready; None if the condition is not set."""
    ready_since: float | None = None
    sandbox_since: float | None = None
    """The time at which its volumes were mounted and its sandbox created: condition PodReadyToStartContainers."""
    index: int | None = None
    """The completion index, if it is a Pod of an indexed Job."""
    containers: tuple[Container, ...] = ()
    """Init containers first, in the order of the spec; at most 50."""
    more_containers: int = 0
    """The number of other containers."""

    @property
    def is_over(self) -> bool:
        """Whether all its containers have ended and none will be restarted."""
        return self.phase in {SUCCEEDED, "Failed"}

    @property
    def state(self) -> str:
        """`running`, `pending` or `terminating`, as in the metric `job_pods`; empty if it is over."""
        if self.is_over:
            return ""
        if self.deleted is not None:
            return "terminating"
        return "running" if self.phase in RUNNING else "pending"


class Event(msgspec.Struct, gc=False, kw_only=True):
    """An Event about a run, a Job or a Pod. Events of type `Normal` are not watched: only a dump has them."""

    uid: str
    namespace: str
    about: str
    """UID of the object that it is about."""
    about_kind: str
    about_name: str
    reason: str
    note: str
    first: float | None
    last: float | None
    since: float | None = None
    """The first occurrence of the Events that it repeats, which may not be cached; None: `first`."""
    count: int = 1
    container: str = ""
    """The container of the Pod that it is about; empty if it is about the Pod."""
    normal: bool = False
    """Whether it is of type `Normal`: it reports progress or the work of a controller, not a failure."""
