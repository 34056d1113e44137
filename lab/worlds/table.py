"""The table of worlds: the objects of each, and the alerts that must fire and be delivered.

The object of an alert is a run, a Job, a ConfigMap, an agent or a namespace.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

__all__ = ["WORLDS", "Alert", "World"]


@dataclasses.dataclass(frozen=True, order=True)
class Alert:
    """An expected alert; `about` is the name of its object."""

    name: str
    severity: str
    about: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class World:
    """A row of the table. `settings` is the content of the exporter's settings file.

    `fault` is the start of the fault, in seconds after the snapshot, and `since` describes it. `raised` alerts must
    fire until the end, `delivered` alerts must reach the pager or the chat, and `allowed` alerts may do both. `shown`
    are prefixes of samples that the exporter must expose at the snapshot, and `said` texts in the notifications.
    """

    files: tuple[str, ...]
    what: str
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    fault: float | None = None
    since: str = ""
    raised: frozenset[Alert] = frozenset()
    delivered: frozenset[Alert] = frozenset()
    allowed: frozenset[Alert] = frozenset()
    shown: tuple[str, ...] = ()
    said: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The numbers of the files."""
        parts = (each.partition(" ") for each in self.files)
        return " + ".join(f"{kind}s of {number}" if kind else number for number, _, kind in parts)


ERA, NEWEST = "agent-platform", "cto"  # the namespaces of November 2025 and of the newest version
_REX = "play-coderun-task-2-rex-claude-agent-plat-5a1b2c3d-2a000000-v1"
_T42 = "play-coderun-t42-rex-unknown-20000000-v1"
_TESS = "play-coderun-task-3-tess-claude-agent-plat-34f1645a-12000000-v1"
_MOUNT = "play-coderun-task-6-cleo-claude-agent-pla-1c1b2c3d-16000000-v1"
_CLEANUP = "cleanup-coderun-myproj-t41-deadbeef"
_STALLED = "cto-parallel-test-t1-implementation-hx5dq"
_POISON = "cto-parallel-test-t5-security-crnvp"
_BLOCKED = (_POISON, "cto-parallel-test-t7-implementation-2xk8s", "cto-parallel-test-t8-testing-77aax")
_NO_DEADLINE = {namespace: Alert("AgentJobsWithoutDeadline", "info", namespace) for namespace in (ERA, NEWEST)}
_LONG = {ERA: Alert("AgentJobHanging", "warning", _REX), NEWEST: Alert("AgentJobHanging", "warning", _T42)}
_ALLOWED_NOVEMBER = frozenset({_NO_DEADLINE[ERA], _LONG[ERA]})
_ALLOWED_NEWEST = frozenset({_LONG[NEWEST]})
_MINUTE = 60.0


def _all(name: str, severity: str, *about: str) -> frozenset[Alert]:
    return frozenset(Alert(name, severity, each) for each in about)


_UNHEALTHY = _all("RequiredConfigMapUnhealthy", "critical", "controller-agent-templates-claude")
_CONTROLLER = _all("CodeRunControllerBlocked", "critical", ERA)
_RETRYING = _all("CodeRunRetryLoop", "warning", "cto-parallel-test-t9-implementation-loopy")
_NOT_STARTING = {name: _all("AgentPodNotStarting", "warning", name) for name in (_MOUNT, _CLEANUP)}
_FAILING = _all("CodeRunsFailing", "warning", NEWEST)

WORLDS = (
    World(
        files=("02", "10"),
        what="November 2025, healthy: seven template ConfigMaps; a run at work for 2.5 h, one just finished",
        allowed=_ALLOWED_NOVEMBER,
    ),
    World(
        files=("02", "10", "19"),
        what="the same, and a run between two attempts; its next Job appears 90 s later",
        allowed=_ALLOWED_NOVEMBER,
    ),
    World(
        files=("02", "10", "11"),
        what="incident 1: the claude templates are empty; a run with a finalizer and no status",
        fault=-12 * _MINUTE,
        since="the ConfigMap is empty and the run is created",
        raised=_UNHEALTHY
        | _all("CodeRunNotReconciled", "warning", _STALLED)
        | _all("CodeRunJobCreationStalled", "critical", _STALLED),
        delivered=_UNHEALTHY,
        allowed=_ALLOWED_NOVEMBER,
        shown=(f'coderun_stall_cause{{namespace="{ERA}",coderun="{_STALLED}",cause="configmap_empty"',),
        said=("controller-agent-templates-claude",),
    ),
    World(
        files=("02", "12"),
        what="incident 2: phase Running, workCompleted false, Job and pod active after the agent's last line",
        fault=-47 * _MINUTE,
        since="the Job starts",
        raised=_all("AgentJobHanging", "warning", _TESS),
        delivered=_all("AgentJobHanging", "warning", _TESS),
        allowed=frozenset({_NO_DEADLINE[ERA]}),
    ),
    World(
        files=("02", "10 ConfigMap", "14"),
        what='a run with `cliType: ""` that the controller cannot decode, and later runs without a finalizer',
        fault=-40 * _MINUTE,
        since="the second run is created",
        raised=_CONTROLLER
        | _all("CodeRunNotReconciled", "warning", *_BLOCKED)
        | _all("CodeRunJobCreationStalled", "critical", *_BLOCKED),
        delivered=_CONTROLLER,
        said=(_POISON, "spec.cliConfig.cliType is empty"),
    ),
    World(
        files=("02", "10", "15"),
        what="attempt 38 of a run whose Jobs all complete",
        fault=-9 * 60 * _MINUTE,
        since="the run is created; its sixth attempt begins after 72.4 min",
        raised=_RETRYING,
        delivered=_RETRYING,
        allowed=_ALLOWED_NOVEMBER,
    ),
    World(
        files=("02", "10", "16"),
        what="the pod is Pending because a ConfigMap that it mounts is gone",
        fault=-30 * _MINUTE,
        since="the Job starts",
        raised=_NOT_STARTING[_MOUNT],
        delivered=_NOT_STARTING[_MOUNT],
        allowed=_ALLOWED_NOVEMBER,
        shown=(
            f'job_hang_cause{{namespace="{ERA}",job_name="{_MOUNT}",cause="pod_not_starting",detail="FailedMount: ',
        ),
        said=('configmap "task-6-files" not found',),
    ),
    World(
        files=("02", "10", "18"),
        what="deletion requested 20 min ago, blocked by a finalizer",
        fault=-20 * _MINUTE,
        since="deletion is requested",
        raised=_all("CodeRunStuckDeleting", "warning", "stuck-deleting"),
        delivered=_all("CodeRunStuckDeleting", "warning", "stuck-deleting"),
        allowed=_ALLOWED_NOVEMBER,
    ),
    World(
        files=("03", "20"),
        what="newest, healthy: no template ConfigMaps; a deadline of 24 h; no cliConfig; a run at work for 3 h",
        allowed=_ALLOWED_NEWEST,
    ),
    World(
        files=("03", "20", "21"),
        what="five runs that failed without a Job within 10 min",
        fault=-6 * _MINUTE,
        since="the third run fails",
        raised=_FAILING,
        delivered=_FAILING,
        allowed=_ALLOWED_NEWEST,
        said=("Template rendering failed",),
    ),
    World(
        files=("03", "20", "23"),
        what="BoltRuns (a configured kind): one cancelled, one at work",
        settings={
            "coderuns": {
                "kinds": [
                    {"group": "agents.platform", "version": "v1", "plural": "coderuns", "kind": "CodeRun"},
                    {"group": "cto.5dlabs.ai", "version": "v1alpha1", "plural": "boltruns", "kind": "BoltRun"},
                ]
            }
        },
        allowed=_ALLOWED_NEWEST | {_NO_DEADLINE[NEWEST]},
    ),
    World(
        files=("03", "20", "24"),
        what="a workspace-cleanup Job (configured labels) without an owner, its pod Pending for 3 h",
        settings={"jobs": {"match_labels": {"cleanup.cto.dev/kind": "workspace-cleanup"}}},
        fault=-180 * _MINUTE,
        since="the Job starts",
        raised=_NOT_STARTING[_CLEANUP] | _all("AgentJobHanging", "warning", _CLEANUP),
        delivered=_NOT_STARTING[_CLEANUP],
        allowed=_ALLOWED_NEWEST | {_NO_DEADLINE[NEWEST]},
    ),
)
