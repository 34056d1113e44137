"""The causes: what each means, who must act, and the next command, in the order of findings: causes before effects.

docs/causes.md is generated from this table. Rules and runbooks refer to the names.
"""

from typing import Final

from exporter.diagnosis.cause_info import DESCRIBE as _RUN, CauseInfo

__all__ = ["CANNOT_TELL", "CAUSES", "RECOVERED", "rank"]

CANNOT_TELL: Final = "cannot_tell"
RECOVERED: Final = "recovered"

_YAML: Final = "kubectl -n $namespace get $resource $name -o yaml"
_CONFIGMAP: Final = "kubectl -n $namespace describe configmap $name"
_LOG: Final = "kubectl -n $namespace logs $target --all-containers --timestamps --tail=30"
_PODS: Final = "kubectl -n $namespace get $pods -o wide"
_PREVIOUS: Final = "kubectl -n $namespace logs $name -c $container --timestamps --tail=30"

_CONTROLLER: Final = "who runs the platform's controller"
_CLUSTER: Final = "who runs the cluster"
_TEMPLATES: Final = "who deploys the platform's templates"
_AGENT: Final = "who owns the agent or its task"
_NO_ACTION: Final = "no action needed"


_TABLE: Final = (
    # The run and the controller of the platform.
    CauseInfo(
        "finalizer_stuck",
        "Deletion was requested, and a finalizer still keeps the object.",
        _CONTROLLER,
        "kubectl -n $namespace get $resource $name -o 'jsonpath={.metadata.finalizers}'",
        grace=600,
        metric=False,
    ),
    CauseInfo(
        "controller_blocked",
        "The controller cannot decode the run that the evidence names, and therefore no list that contains it.",
        _AGENT,
        _YAML,
    ),
    CauseInfo(
        "configmap_missing",
        "A ConfigMap that the controller requires does not exist.",
        _TEMPLATES,
        "kubectl -n $namespace get configmaps",
    ),
    CauseInfo("configmap_empty", "A ConfigMap that the controller requires has no content.", _TEMPLATES, _CONFIGMAP),
    CauseInfo("configmap_missing_key", "A required ConfigMap lacks a required key.", _TEMPLATES, _CONFIGMAP),
    CauseInfo("configmap_empty_key", "A required key of a required ConfigMap is empty.", _TEMPLATES, _CONFIGMAP),
    CauseInfo(
        "configmap_shrunk",
        "A required ConfigMap lost more than half of its keys or bytes within 24 hours, and the run has no worker.",
        _TEMPLATES,
        _CONFIGMAP,
        metric=False,
    ),
    CauseInfo("template_failed", "The controller failed to render the templates of the run.", _TEMPLATES, _RUN),
    # The API server refuses the pod, or nothing creates it.
    CauseInfo(
        "quota", "A ResourceQuota of the namespace refuses the pod.", _CLUSTER, "kubectl -n $namespace describe quota"
    ),
    CauseInfo(
        "service_account_missing",
        "The ServiceAccount of the pod does not exist.",
        _CONTROLLER,
        "kubectl -n $namespace get serviceaccounts",
    ),
    CauseInfo(
        "admission_denied",
        "Admission refuses the pod: Pod Security, a policy, a webhook, a LimitRange, or missing permissions.",
        _CLUSTER,
        _RUN,
    ),
    CauseInfo("pod_creation_failed", "The pod cannot be created, for the reason in the evidence.", _CLUSTER, _RUN),
    CauseInfo(
        "job_controller_absent",
        "The Job controller of Kubernetes has not processed the Job: it has no start time.",
        _CLUSTER,
        "kubectl -n kube-system get pods -l component=kube-controller-manager",
        grace=300,
    ),
    CauseInfo(
        "job_manager_absent",
        "The controller that spec.managedBy names has not processed the Job: it has no start time.",
        _CLUSTER,
        _RUN,
        grace=300,
    ),
    # The node and the scheduler.
    CauseInfo(
        "node_lost",
        "The node of the pod does not respond, so nothing confirms that its containers have ended.",
        _CLUSTER,
        "kubectl describe nodes $node",
    ),
    CauseInfo(
        "node_rejected",
        "The kubelet of the node rejected the pod after it was scheduled, for the reason in the evidence.",
        _CLUSTER,
        _RUN,
    ),
    CauseInfo("evicted", "The kubelet or a controller evicted the pod.", _CLUSTER, _RUN),
    CauseInfo("preempted", "A pod of higher priority preempted the pod.", _CLUSTER, _RUN),
    CauseInfo(
        "volume_waiting",
        "A volume of the pod cannot be bound, attached or mounted.",
        _CLUSTER,
        "kubectl -n $namespace get pvc,volumeattachments.storage.k8s.io",
    ),
    CauseInfo("unschedulable", "No node fits the pod.", _CLUSTER, _RUN, grace=60),
    # Containers that do not start.
    CauseInfo(
        "pod_configmap_missing",
        "The pod needs a ConfigMap, or a key of one, that does not exist.",
        _TEMPLATES,
        "kubectl -n $namespace get configmaps",
    ),
    CauseInfo(
        "pod_secret_missing",
        "The pod needs a Secret, or a key of one, that does not exist.",
        _CONTROLLER,
        "kubectl -n $namespace get secrets",
    ),
    CauseInfo("image_pull", "The image of a container cannot be pulled.", _AGENT, _RUN),
    CauseInfo(
        "container_cannot_be_created",
        "The container runtime cannot create the pod's sandbox or one of its containers.",
        _CLUSTER,
        _RUN,
    ),
    CauseInfo(
        "init_container_failed", "An init container fails, so that the agent does not start.", _AGENT, _PREVIOUS
    ),
    CauseInfo(
        "init_container_stuck",
        "An init container does not end, so that the agent does not start.",
        _AGENT,
        _PREVIOUS,
        grace=300,
    ),
    # Containers that end.
    CauseInfo("oom_killed", "A container exceeded its memory limit, and the kernel killed it.", _AGENT, _RUN),
    CauseInfo("crash_loop", "A container fails each time it is started.", _AGENT, _PREVIOUS),
    CauseInfo("usage_limit", "The last word of the agent says that its usage limit is reached.", _AGENT, _LOG),
    CauseInfo("auth", "The last word of the agent says that its API rejects its credentials.", _AGENT, _LOG),
    CauseInfo("max_turns", "The agent stopped at its limit of turns or cost.", _AGENT, _LOG),
    CauseInfo("loop_stop", "The agent stopped because it repeated itself.", _AGENT, _LOG),
    CauseInfo(
        "waiting_for_input",
        "The agent waits for input or for a permission that nobody gives.",
        _AGENT,
        _LOG,
        grace=120,
    ),
    CauseInfo(
        "main_container_exited",
        "The main container has terminated, and another container keeps the pod running.",
        _AGENT,
        _LOG,
        grace=60,
    ),
    CauseInfo(
        "finished_not_exited",
        "The run reports completed work, and its worker is unfinished: a process did not exit.",
        _AGENT,
        _PODS,
        grace=60,
    ),
    CauseInfo(
        "agent_finished",
        "The agent has written its last word, and its process has not exited.",
        _AGENT,
        _PODS,
        metric=False,
    ),
    CauseInfo(
        "deadline_exceeded", "The worker exceeded its activeDeadlineSeconds, and Kubernetes ended it.", _AGENT, _RUN
    ),
    CauseInfo("container_failed", "A container ended with an error.", _AGENT, _PREVIOUS),
    CauseInfo("run_already_finished", "The run is over, and its worker is unfinished.", _CONTROLLER, _PODS, grace=60),
    CauseInfo("run_gone", "The run of the worker no longer exists.", _CONTROLLER, _PODS, grace=60),
    CauseInfo(
        "superseded", "The run has a newer Job, and this older one is unfinished.", _CONTROLLER, _PODS, grace=60
    ),
    # What became of the run.
    CauseInfo("no_pull_request", "The agent ended without a pull request.", _AGENT, _RUN),
    CauseInfo("retries_exhausted", "The controller gave up after its last retry.", _AGENT, _RUN),
    CauseInfo(
        "retry_loop",
        "The controller retries the run without end: six attempts or more.",
        _AGENT,
        "kubectl -n $namespace get jobs,pods --sort-by=.metadata.creationTimestamp",
        metric=False,
    ),
    CauseInfo("job_failed", "The worker failed.", _AGENT, _RUN),
    CauseInfo(
        "run_not_updated",
        "The worker is over or gone, and the controller has not updated the run.",
        _CONTROLLER,
        _RUN,
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
    # Effects without a known cause.
    CauseInfo(
        "controller_idle",
        "No controller has processed this run nor any younger one: the controller is not running, or hangs.",
        _CONTROLLER,
        "kubectl get deployments --all-namespaces",
        grace=600,
        metric=False,
    ),
    CauseInfo(
        "not_reconciled",
        "The run has no finalizer and no status: no controller has processed it.",
        _CONTROLLER,
        _YAML,
        grace=240,
    ),
    CauseInfo(
        "reconcile_failing",
        "The run has a finalizer and no status: the controller began to process it and failed.",
        _CONTROLLER,
        _RUN,
        grace=120,
    ),
    CauseInfo(
        "job_deleting", "The last worker of the run is being deleted and still exists.", _CONTROLLER, _RUN, grace=120
    ),
    CauseInfo(
        "job_missing",
        "The status of the run names a worker that does not exist.",
        _CONTROLLER,
        "kubectl -n $namespace get jobs,pods --sort-by=.metadata.creationTimestamp",
        grace=120,
    ),
    CauseInfo(
        "no_worker",
        "The run is open and has no worker, and nothing says why.",
        _CONTROLLER,
        _RUN,
        grace=600,
        metric=False,
    ),
    CauseInfo(
        "pods_terminating",
        "All pods of the worker are terminating and do not end.",
        _CLUSTER,
        "kubectl -n $namespace describe $pods",
        grace=60,
    ),
    CauseInfo("no_pod", "The unfinished worker has no pod.", _CLUSTER, _RUN, grace=600),
    CauseInfo(
        "pod_not_starting",
        "A pod has not started; the evidence has the reason of its container.",
        _CLUSTER,
        _RUN,
        grace=300,
    ),
    CauseInfo(
        "not_ready",
        "The run is open and not ready; the evidence is its own message.",
        _CONTROLLER,
        _RUN,
        grace=600,
        metric=False,
    ),
    CauseInfo(
        "overloaded",
        "The API of the agent's model rejects its requests, and the agent tries again.",
        _AGENT,
        _LOG,
        grace=600,
    ),
    CauseInfo("never_spoke", "The agent is running and has written no line.", _AGENT, _LOG, grace=1800),
    CauseInfo(
        "silent",
        "The agent is running and has written no line for longer than its limit.",
        _AGENT,
        _LOG,
        metric=False,
    ),
    CauseInfo(
        "max_runtime_exceeded",
        "The worker runs for longer than its limit, and its state does not show why. Its log may.",
        _AGENT,
        _LOG,
        metric=False,
    ),
    CauseInfo("other", "The run failed with the message in the evidence.", _AGENT, _RUN),
    # Not faults.
    CauseInfo(
        "configmap_near_limit",
        "A required ConfigMap has 80 % of the maximum size or more.",
        _TEMPLATES,
        _CONFIGMAP,
        fault=False,
        metric=False,
    ),
    CauseInfo(
        RECOVERED,
        "A container beside the main one exceeded its memory limit, and has been running again for 10 minutes.",
        _NO_ACTION,
        _RUN,
        fault=False,
        metric=False,
    ),
    CauseInfo(
        "between_attempts",
        "The last attempt is over and its worker gone, and the controller has not created the next one yet."
        " It takes seconds: if it is the same two minutes later, it is a fault.",
        _NO_ACTION,
        "kubectl -n $namespace get jobs,pods --sort-by=.metadata.creationTimestamp",
        fault=False,
        metric=False,
    ),
    CauseInfo(
        "suspended",
        "The worker is suspended, for example by a queue, or its pod has a scheduling gate.",
        "who runs the queue, or has suspended it, if it waits too long",
        _RUN,
        fault=False,
        metric=False,
    ),
    CauseInfo(
        "waiting",
        "The run waits by design: queued, scheduled, or for another run.",
        _NO_ACTION,
        _RUN,
        fault=False,
        metric=False,
    ),
)

CAUSES: Final = {info.name: info for info in _TABLE}
_RANKS: Final = {name: number for number, name in enumerate(CAUSES)}


def rank(cause: str) -> int:
    """The position in the table: a cause is before its effects."""
    return _RANKS[cause]
