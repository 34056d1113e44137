"""Merge patches for the status of a run and of a Job, as controllers write them. Pure functions.

Source for runs: `controller.rs` of github.com/5dlabs/cto. Only the controller writes their status; it sets
`workCompleted` to true only together with `Succeeded`, after the Job is Complete. Source for Jobs: the Job controller
of Kubernetes 1.36.
"""

from typing import Any

from lab.clock import rfc3339

__all__ = [
    "active",
    "cleaned_up",
    "complete",
    "failed",
    "failing",
    "resumed",
    "running",
    "succeeded",
    "suspended",
    "template_failed",
]

CLEANUP_SECONDS = 60
"""TTL of the Job of a succeeded run, in seconds."""


def running(now: float, *, job_name: str, attempt: int) -> dict[str, Any]:
    """A run whose Job was created. A later attempt only changes the name of the Job: the phase does not change."""
    if attempt > 1:
        return {"message": "Code implementation job started", "lastUpdate": rfc3339(now), "jobName": job_name}
    return {
        "phase": "Running",
        "message": "Code implementation started",
        "lastUpdate": rfc3339(now),
        "jobName": job_name,
        "retryCount": 0,
        "workCompleted": False,
        "conditions": [
            _of_run("Running", now, reason="JobStarted", message="Code implementation job started"),
        ],
    }


def succeeded(now: float) -> dict[str, Any]:
    """A run whose Job is Complete. Its condition is that of the start: the controller does not update it."""
    return {
        "phase": "Succeeded",
        "message": "Code implementation completed successfully",
        "lastUpdate": rfc3339(now),
        "workCompleted": True,
        "finishedAt": rfc3339(now),
        "expireAt": rfc3339(now + CLEANUP_SECONDS),
    }


def cleaned_up(now: float) -> dict[str, Any]:
    """A succeeded run whose Job was deleted."""
    return {"cleanupCompletedAt": rfc3339(now)}


def template_failed(now: float, *, run: str, partial: str) -> dict[str, Any]:
    """A run of the newest generation whose template cannot be rendered: it has no Job."""
    message = (
        f"Template rendering failed: Task configuration error: Template rendering failed for CodeRun {run}:"
        f" Partial not found {partial}. Check controller logs for details."
    )
    return {
        "phase": "Failed",
        "message": message,
        "lastUpdate": rfc3339(now),
        "retryCount": 0,
        "conditions": [_of_run("Failed", now, reason="JobFailed", message="Template rendering failed")],
    }


def active(now: float | None = None, *, pods: int = 1, ready: int = 0) -> dict[str, Any]:
    """An unfinished Job that starts at `now`. Without pods, `active` is absent."""
    start = {} if now is None else {"startTime": rfc3339(now)}
    return start | {"active": pods or None, "ready": ready, "terminating": 0, "uncountedTerminatedPods": {}}


def complete(now: float) -> dict[str, Any]:
    """A Job whose pod has succeeded."""
    why = {"reason": "CompletionsReached", "message": "Reached expected number of succeeded pods"}
    conditions = [_of_job(kind, now, **why) for kind in ("SuccessCriteriaMet", "Complete")]
    return _ended() | {"succeeded": 1, "completionTime": rfc3339(now), "conditions": conditions}


def failing(now: float) -> dict[str, Any]:
    """A Job after its deadline, whose pod is still terminating."""
    conditions = [_of_job("FailureTarget", now, **_WHY["DeadlineExceeded"])]
    return _ended() | {"failed": 1, "terminating": 1, "conditions": conditions}


def failed(now: float, *, reason: str = "BackoffLimitExceeded") -> dict[str, Any]:
    """A Job that has failed: it has no completionTime."""
    conditions = [_of_job(kind, now, **_WHY[reason]) for kind in ("FailureTarget", "Failed")]
    return _ended() | {"failed": 1, "conditions": conditions}


def suspended(now: float) -> dict[str, Any]:
    """A suspended Job: its pod is deleted."""
    why = {"reason": "JobSuspended", "message": "Job suspended"}
    return active(pods=0) | {"startTime": None, "conditions": [_of_job("Suspended", now, **why)]}


def resumed(now: float) -> dict[str, Any]:
    """A resumed Job: it has a new start time and a new pod."""
    why = {"reason": "JobResumed", "message": "Job resumed"}
    return active(now) | {"conditions": [_of_job("Suspended", now, status="False", **why)]}


_WHY = {
    "BackoffLimitExceeded": {
        "reason": "BackoffLimitExceeded",
        "message": "Job has reached the specified backoff limit",
    },
    "DeadlineExceeded": {
        "reason": "DeadlineExceeded",
        "message": "Job was active longer than specified deadline",
    },
}


def _ended() -> dict[str, Any]:
    return active(pods=0)


def _of_run(kind: str, now: float, *, reason: str, message: str) -> dict[str, str]:
    stamp = {"lastTransitionTime": rfc3339(now)}
    return {"type": kind, "status": "True", **stamp, "reason": reason, "message": message}


def _of_job(kind: str, now: float, *, reason: str, message: str, status: str = "True") -> dict[str, str]:
    stamps = {"lastProbeTime": rfc3339(now), "lastTransitionTime": rfc3339(now)}
    return {"type": kind, "status": status, **stamps, "reason": reason, "message": message}
