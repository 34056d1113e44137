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
    # The API server refuses the pod, or nothing creates it.
    CauseInfo(
        "quota", "A ResourceQuota of the namespace refuses the pod.", CLUSTER, "kubectl -n $namespace describe quota"
    ),
    CauseInfo(
        "service_account_missing",
        "The ServiceAccount of the pod does not exist.",
        CONTROLLER,
        "kubectl -n $namespace get serviceaccounts",
    ),
    CauseInfo(
        "admission_denied",
        "Admission refuses the pod: Pod Security, a policy, a webhook, a LimitRange, or missing permissions.",
        CLUSTER,
        DESCRIBE,
    ),
    CauseInfo("pod_creation_failed", "The pod cannot be created, for the reason in the evidence.", CLUSTER, DESCRIBE),
    CauseInfo(
        "job_controller_absent",
        "The Job controller of Kubernetes has not processed the Job: it has no start time.",
        CLUSTER,
        "kubectl -n kube-system get pods -l component=kube-controller-manager",
        grace=300,
    ),
    CauseInfo(
        "job_manager_absent",
        "The controller that spec.managedBy names has not processed the Job: it has no start time.",
        CLUSTER,
        DESCRIBE,
        grace=300,
    ),
    # The node and the scheduler.
    CauseInfo(
        "node_lost",
        "The node of the pod does not respond, so nothing confirms that its containers have ended.",
        CLUSTER,
        "kubectl describe nodes $node",
    ),
    CauseInfo(
        "node_rejected",
        "The kubelet of the node rejected the pod after it was scheduled, for the reason in the evidence.",
        CLUSTER,
        DESCRIBE,
    ),
    CauseInfo("evicted", "The kubelet or a controller evicted the pod.", CLUSTER, DESCRIBE),
    CauseInfo("preempted", "A pod of higher priority preempted the pod.", CLUSTER, DESCRIBE),
    CauseInfo(
        "volume_waiting",
        "A volume of the pod cannot be bound, attached or mounted.",
        CLUSTER,
        "kubectl -n $namespace get pvc,volumeattachments.storage.k8s.io",
    ),
    CauseInfo("unschedulable", "No node fits the pod.", CLUSTER, DESCRIBE, grace=60),
    # Containers that do not start.
    CauseInfo(
        "pod_configmap_missing",
        "The pod needs a ConfigMap, or a key of one, that does not exist.",
        TEMPLATES,
        "kubectl -n $namespace get configmaps",
    ),
    CauseInfo(
        "pod_secret_missing",
        "The pod needs a Secret, or a key of one, that does not exist.",
        CONTROLLER,
        "kubectl -n $namespace get secrets",
    ),
    CauseInfo("image_pull", "The image of a container cannot be pulled.", AGENT, DESCRIBE),
    CauseInfo(
        "container_cannot_be_created",
        "The container runtime cannot create the pod's sandbox or one of its containers.",
        CLUSTER,
        DESCRIBE,
    ),
    CauseInfo("init_container_failed", "An init container fails, so that the agent does not start.", AGENT, PREVIOUS),
    CauseInfo(
        "init_container_stuck",
        "An init container does not end, so that the agent does not start.",
        AGENT,
        PREVIOUS,
        grace=300,
    ),
    # Containers that end.
    CauseInfo("oom_killed", "A container exceeded its memory limit, and the kernel killed it.", AGENT, DESCRIBE),
    CauseInfo("crash_loop", "A container fails each time it is started.", AGENT, PREVIOUS),
    CauseInfo("usage_limit", "The last word of the agent says that its usage limit is reached.", AGENT, LOG),
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
        "The run reports completed work, and its worker is unfinished: a process did not exit.",
        AGENT,
        PODS,
        grace=60,
    ),
    CauseInfo(
        "agent_finished",
        "The agent has written its last word, and its process has not exited.",
        AGENT,
        PODS,
        metric=False,
    ),
    CauseInfo(
        "deadline_exceeded",
        "The worker exceeded its activeDeadlineSeconds, and Kubernetes ended it.",
        AGENT,
        DESCRIBE,
    ),
    CauseInfo("container_failed", "A container ended with an error.", AGENT, PREVIOUS),
    CauseInfo("run_already_finished", "The run is over, and its worker is unfinished.", CONTROLLER, PODS, grace=60),
    CauseInfo("run_gone", "The run of the worker no longer exists.", CONTROLLER, PODS, grace=60),
    CauseInfo("superseded", "The run has a newer Job, and this older one is unfinished.", CONTROLLER, PODS, grace=60),
    # What became of the run.
    CauseInfo("no_pull_request", "The agent ended without a pull request.", AGENT, DESCRIBE),
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
