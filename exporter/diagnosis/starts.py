"""The rows of the table of causes about a worker that does not start: from the API server to its containers."""

from typing import Final

from exporter.diagnosis.cause_info import CauseInfo
from exporter.diagnosis.cause_texts import AGENT, CLUSTER, CONTROLLER, DESCRIBE, PREVIOUS, TEMPLATES
from exporter.diagnosis.lasting import START_GRACE

__all__ = ["STARTS"]

STARTS: Final = (
    # The API server refuses the pod, or nothing creates it.
    CauseInfo(
        "quota",
        "A ResourceQuota of the namespace refuses the pod.",
        CLUSTER,
        "kubectl -n $namespace describe quota",
        grace=START_GRACE,
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
        grace=START_GRACE,
    ),
    CauseInfo(
        "pod_creation_failed",
        "The pod cannot be created, for the reason in the evidence.",
        CLUSTER,
        DESCRIBE,
        grace=START_GRACE,
    ),
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
    CauseInfo(
        "workload_deactivated",
        "Kueue or a user deactivated the Workload of the worker: Kueue does not start it again.",
        "who runs the queue",
        "kubectl -n $namespace get workloads.kueue.x-k8s.io",
        metric=False,
    ),
    CauseInfo(
        "workload_inadmissible",
        "Kueue cannot admit the Workload of the worker, unless someone changes its queue or its requests.",
        "who runs the queue",
        "kubectl -n $namespace get workloads.kueue.x-k8s.io",
        metric=False,
    ),
    CauseInfo(
        "queue_absent",
        "The controller of the queue has not processed the suspended worker, and is failing.",
        "who runs the queue",
        "kubectl get pods --all-namespaces",
        metric=False,
    ),
    # The node and the scheduler.
    CauseInfo(
        "scheduler_absent",
        "No scheduler has processed the pod: its condition PodScheduled is not set.",
        CLUSTER,
        "kubectl -n kube-system get pods -l component=kube-scheduler",
        grace=300,
    ),
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
        grace=START_GRACE,
    ),
    CauseInfo("unschedulable", "No node fits the pod.", CLUSTER, DESCRIBE, grace=START_GRACE),
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
    CauseInfo(
        "pod_object_missing",
        "The pod names an object that does not exist, such as a ResourceClaimTemplate or an additional network.",
        TEMPLATES,
        DESCRIBE,
    ),
    CauseInfo("image_pull", "The image of a container cannot be pulled.", AGENT, DESCRIBE, grace=START_GRACE),
    CauseInfo(
        "container_cannot_be_created",
        "The pod's sandbox, devices or one of its containers cannot be created on the node.",
        CLUSTER,
        DESCRIBE,
        grace=START_GRACE,
    ),
    CauseInfo("init_container_failed", "An init container fails, so that the agent does not start.", AGENT, PREVIOUS),
    CauseInfo(
        "init_container_stuck",
        "An init container does not end, or a native sidecar is not ready, so that the agent does not start.",
        AGENT,
        PREVIOUS,
        grace=300,
    ),
)
