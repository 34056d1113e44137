"""The faults that are made on a real control plane, and what the alert, `explain` and the API say of each."""

from tests.integration.causes import controller, refusals
from tests.integration.causes.pods import PODS
from tests.integration.causes.row import SHARED, Alert, Row

__all__ = ["FAULTS", "HARMLESS", "PLATFORM", "ROWS", "SPACES"]

PLATFORM = "platform"
"""The namespace of the required ConfigMaps."""

_WITHOUT_POD = Alert("AgentJobWithoutPod", "critical", "job_name")
_HANGING = Alert("AgentJobHanging", "critical", "job_name")
_NOT_EXITED = Alert("AgentFinishedNotExited", "critical", "job_name")
_LEFT_OVER = Alert("AgentFinishedNotExited", "warning", "job_name")
_STALLED = Alert("CodeRunJobCreationStalled", "critical", "coderun")
_NOT_UPDATED = Alert("CodeRunNotUpdated", "warning", "coderun")
_STUCK_DELETING = Alert("CodeRunStuckDeleting", "warning", "coderun")
_RETRY_LOOP = Alert("CodeRunRetryLoop", "warning", "coderun")
_CONFIGMAP = Alert("RequiredConfigMapUnhealthy", "critical", "configmap")
_BLOCKED = Alert("CodeRunControllerBlocked", "critical")
_FAILING = Alert("CodeRunsFailing", "warning")


def _alone(name: str, *row: object, told: str = "") -> Row:
    """A row in a namespace of its own, which it changes, or of which its alert speaks."""
    return Row(name, *row, told=told, space=name)  # type: ignore[arg-type]


_WITHOUT_PODS = (
    _alone("quota", refusals.quota, "quota", "exceeded quota: q", _WITHOUT_POD),
    _alone("pod-security", refusals.security, "admission_denied", 'violates PodSecurity "restricted', _WITHOUT_POD),
    _alone("limit-range", refusals.limit_range, "admission_denied", "maximum cpu usage per", _WITHOUT_POD),
    _alone("policy", refusals.policy, "admission_denied", "ValidatingAdmissionPolicy", _WITHOUT_POD),
    _alone("webhook", refusals.webhook, "admission_denied", "failed calling webhook", _WITHOUT_POD),
    _alone("lost-node", refusals.lost_node, "pods_terminating", "1 pod terminating", _WITHOUT_POD),
    _alone("managed", controller.managed, "job_manager_absent", "kueue.x-k8s.io/multikueue", _WITHOUT_POD),
)
_LEFT_BEHIND = (
    Row("deadline", refusals.deadline, "deadline_exceeded", "its deadline of 1 s", _NOT_UPDATED, "has failed"),
    Row("deleting", refusals.deleting, "finalizer_stuck", "CodeRun deleting", _STUCK_DELETING, "still exists"),
    Row(
        "job-deleting", refusals.job_deleting, "finalizer_stuck", "Job job-deleting-job", _STALLED,
        "job_deleting (Job job-deleting-job is being deleted)",
    ),
    Row(
        "orphan", refusals.orphan, "finalizer_stuck", "Job orphan-job", _HANGING,
        "run_gone (CodeRun orphan no longer exists)", is_of_job=True,
    ),
    Row("superseded", controller.superseded, "superseded", "has a newer Job", _HANGING),
    Row("run-over", controller.run_over, "run_already_finished", "run-over is Succeeded", _LEFT_OVER),
    Row("not-exited", controller.not_exited, "finished_not_exited", "reports completed work", _NOT_EXITED),
    Row("not-updated", controller.not_updated, "run_not_updated", "has succeeded", _NOT_UPDATED, "has succeeded"),
    Row("retry-loop", controller.retry_loop, "retry_loop", "attempt 6", _RETRY_LOOP, "attempt 6"),
)  # fmt: skip
_WITHOUT_JOBS = (
    Row("job-missing", controller.job_missing, "job_missing", "status names Job job-missing-job", _STALLED),
    Row("no-worker", controller.no_worker, "no_worker", "waits for a workspace", _STALLED, "cause unknown"),
    _alone("not-reconciled", controller.not_reconciled, "not_reconciled", "no finalizer and no status", _STALLED),
    Row("failing", controller.reconcile_failing, "reconcile_failing", "finalizer and no status", _STALLED),
    _alone("idle", controller.idle, "controller_idle", "any younger one", _BLOCKED, told="neither a finalizer nor"),
    _alone(
        "blocked", controller.blocked, "controller_blocked", "blocked-bad: spec.cliConfig.cliType is empty", _BLOCKED,
        told="CodeRun blocked-bad: spec.cliConfig.cliType is empty",
    ),
    _alone("template", controller.template_failed, "template_failed", "partial not found", _FAILING),
)  # fmt: skip
_CONFIGMAPS = (
    Row(
        f"configmap-{cli}", controller.configmap(cli, data), f"configmap_{problem}", f"-templates-{cli}", _CONFIGMAP,
        f"unhealthy: {problem}", space=PLATFORM,
    )
    for cli, data, problem in (
        ("codex", None, "missing"),
        ("cursor", {}, "empty"),
        ("factory", {"other.sh": "#!/bin/sh"}, "missing_key"),
        ("gemini", {"code_implement.sh": "", "other.sh": "#!/bin/sh"}, "empty_key"),
    )
)  # fmt: skip

FAULTS = (*_WITHOUT_PODS, *_LEFT_BEHIND, *_WITHOUT_JOBS, *_CONFIGMAPS, *PODS)
HARMLESS = (
    Row("suspended", controller.suspended, "suspended", "Job suspended-job is suspended"),
    Row("works", controller.works, "", ""),
    Row("succeeded", controller.succeeded, "", ""),
)
ROWS = (*FAULTS, *HARMLESS)
SPACES = tuple(dict.fromkeys((SHARED, PLATFORM, *(row.space for row in ROWS))))
"""The namespaces."""
