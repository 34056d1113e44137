"""The fix of each cause that always has the same one, in one line. docs/causes.md lists them."""

from typing import Final

__all__ = ["FIXES"]

_DEPLOY: Final = "Deploy the ConfigMap again; if its source lacks the same, correct that first."
_CREATE: Final = "Create what the evidence names, or correct its name or key in the template of the pod."
_LOG: Final = "Correct what the log of the container says."
_DELETE: Final = "Delete the worker, if the controller does not."

FIXES: Final = {
    "finalizer_stuck": "Repair the controller that removes the finalizer. Removing it by hand skips its cleanup.",
    "controller_blocked": "Delete or correct the run that the evidence names.",
    "configmap_missing": _DEPLOY,
    "configmap_empty": _DEPLOY,
    "configmap_missing_key": _DEPLOY,
    "configmap_empty_key": _DEPLOY,
    "configmap_shrunk": _DEPLOY,
    "template_failed": "Correct the template that the message names, or the value of the run that it cannot render.",
    "quota": "Raise it, end what uses it (also runs that are over, while a container runs), or set what it requires.",
    "service_account_missing": "Create the ServiceAccount, or correct its name in the settings of the controller.",
    "job_controller_absent": "Repair kube-controller-manager.",
    "job_manager_absent": "Repair the controller that spec.managedBy names, such as Kueue, or remove the field.",
    "workload_deactivated": "Remove the reason in the evidence, then set spec.active of the Workload to true.",
    "queue_absent": "Repair the controller of the queue; it then admits the worker.",
    "scheduler_absent": "Repair the scheduler that spec.schedulerName names, or correct the name.",
    "node_lost": "Repair the node; if it is gone, delete its Node object, and its pods are removed.",
    "node_rejected": "Run it again. If it repeats, correct what the message names, in the pod or on the node.",
    "preempted": "Run it again; a PriorityClass protects its pod.",
    "pod_configmap_missing": _CREATE,
    "pod_secret_missing": _CREATE,
    "pod_object_missing": "Create what the evidence names, or correct its name in the template of the pod.",
    "init_container_failed": _LOG,
    "init_container_stuck": "The log of the container says what it waits for.",
    "oom_killed": "Raise the memory limit of the container, or let it use less; without a limit, the node was full.",
    "crash_loop": _LOG,
    "probe_failed": "Correct what the probe checks, or give it more time (timeoutSeconds, failureThreshold).",
    "hook_failed": "Correct the command in lifecycle.postStart of the container.",
    "container_lost": "Run it again. Look for a restart of the node or of its container runtime at that time.",
    "main_container_exited": "Let the other container end with the main one, or make it a native sidecar.",
    "finished_not_exited": "End the process in the pod that is still running, unless it is a script that works.",
    "deadline_exceeded": "Raise activeDeadlineSeconds, or find in the log what took so long.",
    "container_failed": _LOG,
    "run_already_finished": _DELETE,
    "run_gone": _DELETE,
    "superseded": _DELETE,
    "retry_loop": "Delete the run to end the loop; the logs of its attempts say why they fail.",
    "run_not_updated": "Look for the run in the log of the controller; restart it if it hangs.",
    "controller_idle": "Repair or restart the controller; kubectl logs --previous says why it ended.",
    "not_reconciled": "Look for the run in the log of the controller; restart it if it hangs.",
    "reconcile_failing": "The log of the controller has the error: correct the template or ConfigMap that it names.",
    "job_missing": "Restart the controller; if it creates no worker, create the run again.",
    "no_worker": "The log of the controller says why.",
    "pod_not_starting": "If no Event has the reason, the log of the kubelet on its node has it.",
    "no_pull_request": "If one exists, the log of the controller says why it missed it; else see that of the agent.",
    "max_runtime_exceeded": "If its log shows no progress, delete the worker.",
}
"""By cause. There is none for what only the log, the message or the queue can say, see also `fixes_by_text`."""
