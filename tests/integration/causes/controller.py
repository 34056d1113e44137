"""Faults that the platform's controller makes, or does not mend; and runs that work as they should."""

from collections.abc import Callable
from typing import Any

from tests.integration.causes.row_run import FINALIZER, RowRun, ago

__all__ = [
    "REQUIRED",
    "blocked",
    "configmap",
    "idle",
    "job_missing",
    "managed",
    "no_worker",
    "not_exited",
    "not_reconciled",
    "not_updated",
    "reconcile_failing",
    "retry_loop",
    "run_over",
    "succeeded",
    "superseded",
    "suspended",
    "template_failed",
    "works",
]

_KEY = "code_implement.sh"
REQUIRED = (
    "controller-agent-templates-codex",
    "controller-agent-templates-cursor",
    {"name": "controller-agent-templates-factory", "keys": [_KEY]},
    {"name": "controller-agent-templates-gemini", "keys": [_KEY]},
)
"""The ConfigMaps that the settings require. Each is that of another CLI, so that each concerns its own runs only."""


def works(at: RowRun) -> None:
    """A run that works."""
    at.working()


def succeeded(at: RowRun) -> None:
    """A run that has succeeded."""
    at.working(notes={"demo/work-seconds": "1"})
    at.until_job("completionTime")
    at.report(phase="Succeeded")


def suspended(at: RowRun) -> None:
    """A Job that a queue has suspended."""
    at.working(spec={"suspend": True})


def managed(at: RowRun) -> None:
    """A Job of another controller, which does not run."""
    at.working(spec={"managedBy": "kueue.x-k8s.io/multikueue"})


def superseded(at: RowRun) -> None:
    """The controller has made a second Job and left the first one."""
    run = at.run()
    at.working(run=run, limit="2s")
    at.until_job("startTime")
    at.job(run, "-2")


def run_over(at: RowRun) -> None:
    """The run is over, and its Job works on."""
    at.working()
    at.report(phase="Succeeded")


def not_exited(at: RowRun) -> None:
    """The agent has reported completed work, and its pod does not end."""
    at.working()
    at.report(workCompleted=True, lastUpdate=ago(5))


def not_updated(at: RowRun) -> None:
    """The Job completes, and the run stays `Running`."""
    at.working(notes={"demo/work-seconds": "1"})


def job_missing(at: RowRun) -> None:
    """The Job was deleted, and the status of the run still names it."""
    at.working()
    at.report(jobName=f"{at.name}-job")
    at.until_job("active")
    at.work.delete_job(f"{at.name}-job")


def no_worker(at: RowRun) -> None:
    """The controller has written a status and created no Job."""
    at.run()
    at.report(phase="Pending", message="waits for a workspace")


def not_reconciled(at: RowRun) -> None:
    """No controller has seen the run."""
    at.run()


def idle(at: RowRun) -> None:
    """No controller has seen any run."""
    at.run("-2")
    at.run()


def blocked(at: RowRun) -> None:
    """A run that the controller cannot decode, and one that it therefore does not see."""
    at.run("-bad", spec={"cliConfig": {"cliType": "", "model": "m"}})
    at.run()


def reconcile_failing(at: RowRun) -> None:
    """The controller has set its finalizer and written no status."""
    at.run(finalizers=[FINALIZER])


def configmap(cli: str, data: dict[str, str] | None) -> Callable[[RowRun], None]:
    """The ConfigMap of a CLI has this content; None: it does not exist."""

    def make(at: RowRun) -> None:
        """Incident 1: a required ConfigMap is broken, and the controller makes no Job."""
        if data is not None:
            name = f"controller-agent-templates-{cli}"
            at.ask("POST", at.work.config_maps, {"metadata": {"name": name}, "data": data})
        spec: dict[str, Any] = {"cliConfig": {"cliType": cli, "model": "m"}}
        at.run(spec=spec, finalizers=[FINALIZER])

    return make


def template_failed(at: RowRun) -> None:
    """Three runs in a row fail before they have a Job."""
    for suffix in ("-1", "-2", ""):
        at.run(suffix)
        at.report(suffix, phase="Failed", message="Failed to render template: partial not found: shared/harness")


def retry_loop(at: RowRun) -> None:
    """The controller tries the run for the sixth time."""
    at.working(run=at.run(spec={"contextVersion": 6}))
