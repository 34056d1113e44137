"""The last rows of the table of causes: effects without a known cause, and states that are no faults."""

from typing import Final

from exporter.diagnosis.cause_info import CauseInfo
from exporter.diagnosis.cause_texts import (
    AGENT,
    CLUSTER,
    CONFIGMAP,
    CONTROLLER,
    DESCRIBE,
    LOG,
    NO_ACTION,
    TEMPLATES,
    YAML,
)

__all__ = ["EFFECTS", "RECOVERED"]

RECOVERED: Final = "recovered"

EFFECTS: Final = (
    CauseInfo(
        "controller_idle",
        "No controller has processed this run nor any younger one: the controller is not running, or hangs.",
        CONTROLLER,
        "kubectl get deployments --all-namespaces",
        grace=600,
        metric=False,
    ),
    CauseInfo(
        "not_reconciled",
        "The run has no finalizer and no status: no controller has processed it.",
        CONTROLLER,
        YAML,
        grace=240,
    ),
    CauseInfo(
        "reconcile_failing",
        "The run has a finalizer and no status: the controller began to process it and failed.",
        CONTROLLER,
        DESCRIBE,
        grace=120,
    ),
    CauseInfo(
        "job_deleting",
        "The last worker of the run is being deleted and still exists.",
        CONTROLLER,
        DESCRIBE,
        grace=120,
    ),
    CauseInfo(
        "job_missing",
        "The status of the run names a worker that does not exist.",
        CONTROLLER,
        "kubectl -n $namespace get jobs,pods --sort-by=.metadata.creationTimestamp",
        grace=120,
    ),
    CauseInfo(
        "no_worker",
        "The run is open and has no worker, and nothing says why.",
        CONTROLLER,
        DESCRIBE,
        grace=600,
        metric=False,
    ),
    CauseInfo(
        "pods_terminating",
        "All pods of the worker are terminating and do not end.",
        CLUSTER,
        "kubectl -n $namespace describe $pods",
        grace=60,
    ),
    CauseInfo("no_pod", "The unfinished worker has no pod.", CLUSTER, DESCRIBE, grace=600),
    CauseInfo(
        "pod_not_starting",
        "A pod has not started; the evidence has the reason of its container.",
        CLUSTER,
        DESCRIBE,
        grace=300,
    ),
    CauseInfo(
        "not_ready",
        "The run is open and not ready; the evidence is its own message.",
        CONTROLLER,
        DESCRIBE,
        grace=600,
        metric=False,
    ),
    CauseInfo(
        "overloaded",
        "The API of the agent's model rejects its requests, and the agent tries again.",
        AGENT,
        LOG,
        grace=600,
    ),
    CauseInfo("never_spoke", "The agent is running and has written no line.", AGENT, LOG),
    CauseInfo(
        "silent",
        "The agent is running and has written no line for longer than its limit.",
        AGENT,
        LOG,
        metric=False,
    ),
    CauseInfo(
        "max_runtime_exceeded",
        "The worker runs for longer than its limit, and its state does not show why. Its log may.",
        AGENT,
        LOG,
        metric=False,
    ),
    CauseInfo("other", "The run failed with the message in the evidence.", AGENT, DESCRIBE),
    # Not faults.
    CauseInfo(
        "configmap_near_limit",
        "A required ConfigMap has 80 % of the maximum size or more.",
        TEMPLATES,
        CONFIGMAP,
        fault=False,
        metric=False,
    ),
    CauseInfo(
        RECOVERED,
        "A container beside the main one exceeded its memory limit, and has been running again for 10 minutes.",
        NO_ACTION,
        DESCRIBE,
        fault=False,
        metric=False,
    ),
    CauseInfo(
        "between_attempts",
        "The last attempt is over and its worker gone, and the controller has not created the next one yet."
        " It takes seconds: if it is the same two minutes later, it is a fault.",
        NO_ACTION,
        "kubectl -n $namespace get jobs,pods --sort-by=.metadata.creationTimestamp",
        fault=False,
        metric=False,
    ),
    CauseInfo(
        "suspended",
        "The worker is suspended, for example by a queue, or its pod has a scheduling gate.",
        "who runs the queue, or has suspended it, if it waits too long",
        DESCRIBE,
        fault=False,
        metric=False,
    ),
    CauseInfo(
        "waiting",
        "The run waits by design: queued, scheduled, or for another run.",
        NO_ACTION,
        DESCRIBE,
        fault=False,
        metric=False,
    ),
)
