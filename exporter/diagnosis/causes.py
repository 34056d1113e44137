"""The causes: what each means, who must act, and the next command, in the order of findings: causes before effects.

docs/causes.md is generated from this table. Rules and runbooks refer to the names.
"""

from typing import Final

from exporter.diagnosis.cause_info import CauseInfo
from exporter.diagnosis.cause_texts import (
    AGENT,
    CLUSTER,
    CONFIGMAP,
    CONTROLLER,
    DESCRIBE,
    LOG,
    PODS,
    PREVIOUS,
    TEMPLATES,
    YAML,
)
from exporter.diagnosis.effects import EFFECTS, RECOVERED
from exporter.diagnosis.starts import STARTS

__all__ = ["CANNOT_TELL", "CAUSES", "RECOVERED", "rank"]

CANNOT_TELL: Final = "cannot_tell"

_TABLE: Final = (
    # The run and the controller of the platform.
    CauseInfo(
        "finalizer_stuck",
        "Deletion was requested, and a finalizer still keeps the object.",
        CONTROLLER,
        "kubectl -n $namespace get $resource $name -o 'jsonpath={.metadata.finalizers}'",
        grace=600,
        metric=False,
    ),
    CauseInfo(
        "controller_blocked",
        "The controller cannot decode the run that the evidence names, and therefore no list that contains it.",
        AGENT,
        YAML,
    ),
    CauseInfo(
        "configmap_missing",
        "A ConfigMap that the controller requires does not exist.",
        TEMPLATES,
        "kubectl -n $namespace get configmaps",
    ),
    CauseInfo("configmap_empty", "A ConfigMap that the controller requires has no content.", TEMPLATES, CONFIGMAP),
    CauseInfo("configmap_missing_key", "A required ConfigMap lacks a required key.", TEMPLATES, CONFIGMAP),
    CauseInfo("configmap_empty_key", "A required key of a required ConfigMap is empty.", TEMPLATES, CONFIGMAP),
    CauseInfo(
        "configmap_shrunk",
        "A required ConfigMap lost more than half of its keys or bytes within 24 hours, and the run has no worker.",
        TEMPLATES,
        CONFIGMAP,
        metric=False,
    ),
    CauseInfo("template_failed", "The controller failed to render the templates of the run.", TEMPLATES, DESCRIBE),
    *STARTS,
    # Containers that end.
    CauseInfo("oom_killed", "A container exceeded its memory limit, and the kernel killed it.", AGENT, DESCRIBE),
    CauseInfo("crash_loop", "A container fails each time it is started.", AGENT, PREVIOUS),
    CauseInfo(
        "probe_failed",
        "The kubelet ended a container, because its liveness or startup probe failed.",
        AGENT,
        DESCRIBE,
    ),
    CauseInfo("hook_failed", "The kubelet ended a container, because its postStart hook failed.", AGENT, DESCRIBE),
    CauseInfo(
        "usage_limit",
        "The last word of the agent says that its usage limit is reached, or that its account cannot be used.",
        AGENT,
        LOG,
    ),
    CauseInfo("auth", "The last word of the agent says that its API rejects its credentials.", AGENT, LOG),
    CauseInfo("max_turns", "The agent stopped at its limit of turns or cost.", AGENT, LOG),
    CauseInfo("loop_stop", "The agent stopped because it repeated itself.", AGENT, LOG),
    CauseInfo(
        "waiting_for_input",
        "The agent waits for input or for a permission.",
        AGENT,
        LOG,
        grace=120,
    ),
    CauseInfo(
        "main_container_exited",
        "The main container has terminated, and another container keeps the pod running.",
        AGENT,
        LOG,
        grace=60,
    ),
    CauseInfo(
        "finished_not_exited",
        "The agent has written its last word, or the run reports completed work, and the worker is unfinished:"
        " a process did not exit.",
        AGENT,
        PODS,
        grace=60,
    ),
    CauseInfo(
        "deadline_exceeded",
        "The worker exceeded its activeDeadlineSeconds, and Kubernetes ended it.",
        AGENT,
        DESCRIBE,
    ),
    CauseInfo(
        "container_lost",
        "The kubelet no longer found the container, such as after a restart of its node. How it ended is unknown.",
        CLUSTER,
        "kubectl describe nodes $node",
    ),
    CauseInfo("container_failed", "A container ended with an error.", AGENT, PREVIOUS),
    CauseInfo("run_already_finished", "The run is over, and its worker is unfinished.", CONTROLLER, PODS, grace=60),
    CauseInfo("run_gone", "The run of the worker no longer exists.", CONTROLLER, PODS, grace=60),
    CauseInfo("superseded", "The run has a newer Job, and this older one is unfinished.", CONTROLLER, PODS, grace=60),
    # What became of the run.
    CauseInfo("no_pull_request", "The run ended without a pull request that the controller knows.", AGENT, DESCRIBE),
    CauseInfo("retries_exhausted", "The controller gave up after its last retry.", AGENT, DESCRIBE),
    CauseInfo(
        "retry_loop",
        "The controller retries the run without end: six attempts or more.",
        AGENT,
        "kubectl -n $namespace get jobs,pods --sort-by=.metadata.creationTimestamp",
        metric=False,
    ),
    CauseInfo("job_failed", "The worker failed.", AGENT, DESCRIBE),
    CauseInfo(
        "run_not_updated",
        "The worker is over or gone, and the controller has not updated the run.",
        CONTROLLER,
        DESCRIBE,
        grace=600,
        metric=False,
    ),
    # What is known of a state whose cause cannot be read.
    CauseInfo(
        CANNOT_TELL,
        "Objects that would show the cause could not be read. The evidence names the missing permission.",
        "who grants permissions",
        "kubectl auth can-i list $resource -n $namespace",
        grace=300,
        metric=False,
    ),
    *EFFECTS,
)

CAUSES: Final = {info.name: info for info in _TABLE}
_RANKS: Final = {name: number for number, name in enumerate(CAUSES)}


def rank(cause: str) -> int:
    """The position in the table: a cause is before its effects."""
    return _RANKS[cause]
