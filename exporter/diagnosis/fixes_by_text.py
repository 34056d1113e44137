"""Fixes of causes that depend on the evidence: the first text that the evidence contains decides.

The texts are those of Kubernetes, its drivers and registries. Without a match, there is no fix: none is better than a
wrong one.
"""

import re
from typing import Final

from exporter.diagnosis.fixes import FIXES
from exporter.diagnosis.taints import NAMELESS_FIX, TAINT_FIXES, unfit_fix

__all__ = [
    "FIXES_BY_TEXT",
    "HOLDER_ENDS",
    "HOLDER_IS_LOST",
    "HOLDER_IS_OVER",
    "HOLDER_STAYS",
    "IN_USE",
    "fix_of",
    "fixes_of",
]

_STATUS: Final = r"(?<![\w.:-]){}(?![\w-]|\.\w)"
"""An HTTP status, which is no part of the name, tag or digest of an image."""
_FIT: Final = "Add a node that fits, or correct the node selector and tolerations."
IN_USE: Final = "Wait for the end of the pod that uses the volume, or give each run a claim of its own."
HOLDER_IS_OVER: Final = "End the pod that uses the volume: its agent or its run is over."
HOLDER_ENDS: Final = "Wait for the end of the terminating pod; its claim is free after that."
HOLDER_STAYS: Final = "Find out why the pod that uses the volume does not end: kubectl describe shows its finalizers."
HOLDER_IS_LOST: Final = "Repair its node; if that is off, delete its Node object, or taint it as out-of-service."
FIXES_BY_TEXT: Final = {
    "finalizer_stuck": (
        (
            "have ended, and the pod still exists",
            "See the kubelet of its node and the volumes to unmount; if the node is gone, delete its Node object.",
        ),
        (
            "the garbage collector removes it once",
            "See the finalizers of the objects that it owns; if none is left, repair kube-controller-manager.",
        ),
    ),
    "quota": (
        ("must specify", "Set the requests and limits that the quota requires in the template of the pod."),
        (
            "status unknown for quota|evaluation timed out",
            "Repair kube-controller-manager, or correct the quota: its usage has not been computed.",
        ),
    ),
    "admission_denied": (
        ("x509|certificate", "Renew the certificate of the webhook, or the caBundle in its configuration."),
        ("calling webhook|call webhook", "Repair the pods or the Service of the webhook, or the network to them."),
        ("PodSecurity", "Change the securityContext of the pod, or the Pod Security level of the namespace."),
        ("denied|AdmissionPolicy", "Change what the webhook or policy objects to in the pod, or the policy."),
        ("node selector conflicts", "Correct the node selector in the template, or that of the namespace."),
        ("imum .* usage per|ratio per", "Change the resources of the container, or the LimitRange."),
        (r"RuntimeClass \S+ not found", "Create the RuntimeClass, or correct its name in the template of the pod."),
        ("integer value of priority", "Remove spec.priority from the template: the PriorityClass sets it."),
        ("PriorityClass", "Create the PriorityClass, or correct its name in the template of the pod."),
        ("cannot create resource", "Grant the ServiceAccount in the evidence the permission to create it."),
        (
            "security context constraint",
            "Change the securityContext of the pod, or grant its ServiceAccount the SCC.",
        ),
    ),
    "pod_creation_failed": (
        (
            "must be less than or equal to \\S+ limit",
            "Lower the request or raise the limit of the container; the limit may be the default of a LimitRange.",
        ),
        ("database space exceeded", "Compact and defragment etcd, then disarm its alarm NOSPACE."),
        (
            "unable to handle the request|etcdserver|[Tt]imeout: request|request timed out",
            "Repair what does not answer in time: the API server, its etcd, or a webhook that it calls.",
        ),
        ("[Pp]od (\\S+ )?is invalid", "Correct the field that the evidence names in the template of the pod."),
        ("because it is being terminated", "Create the run in another namespace: this one is being deleted."),
    ),
    "pod_not_starting": (
        (
            "VolumePermissionChangeInProgress",
            "Set fsGroupChangePolicy: OnRootMismatch in the pod: then not every file gets a new owner.",
        ),
        (
            "Pulling image",
            "If it takes longer than others, look at the runtime, the disk and the network of the node.",
        ),
    ),
    "node_rejected": (
        ("SysctlForbidden", "Remove the sysctl from the template, or permit it on the nodes (allowedUnsafeSysctls)."),
        ("AppArmor", "Load the AppArmor profile on the node, or remove it from the template of the pod."),
        ("TopologyAffinityError", "Run it again, with requests that fit one NUMA node: this node aligns them."),
        ("PodOSNotSupported|PodOSSelector", "Select nodes of the operating system of the pod."),
        (
            "NodeAffinity|NodePorts",
            "Run it again. If it repeats, correct the nodeName, the node selector or the host ports of the pod.",
        ),
        ("OutOf", "Run it again: other pods had taken what was free on the node."),
        (
            "UnexpectedAdmissionError|[Dd]evice",
            "Run it again. If it repeats, repair the device plugin of the node, or what else the message names.",
        ),
    ),
    "evicted": (
        (
            "low on resource",
            "Request as much as the pod uses, or let it use less; if it was within its requests, free the node.",
        ),
        ("exceeds|exceeded|usage of", "Raise the limit that the message names, or let the pod use less of it."),
        ("had condition.*DiskPressure", "Free disk space on the node, and run it again."),
        ("had condition.*(Memory|PID)Pressure", "End what fills the node, or add nodes, and run it again."),
        ("[Ss]hutdown|shutting down", "Run it again: its node was shut down."),
        ("Underutilized|Empty|Drifted|[Cc]onsolidat", "Run it again; karpenter.sh/do-not-disrupt protects its pod."),
        (
            "ScaleDown|scale.down",
            "Run it again; cluster-autoscaler.kubernetes.io/safe-to-evict: false protects its pod.",
        ),
        (
            "[Tt]aint",
            "If the node was not ready or unreachable, repair it; else a toleration of the taint protects the pod.",
        ),
        ("", "Run it again."),
    ),
    "volume_waiting": (
        (
            "hostPath type check failed",
            "Create the path on the node with the type that the volume asks for, or use the type DirectoryOrCreate.",
        ),
        (
            "(?i:max(imum)? (number of |volume )?(volume |attach)|attach\\w* limit|volume limit|limit exceeded)",
            "Add nodes, or wait for pods with volumes to end: the node can attach no more volumes.",
        ),
        ("Multi-Attach|already exclusively|ReadWriteOncePod", IN_USE),
        ("being deleted|is terminating", "Wait for the end of the claim, and create it again."),
        (
            "not found in the list of registered CSI",
            "Repair the pod of the CSI driver on the node; if there is none, install it or its tolerations.",
        ),
        ("secrets store objects", "Correct the object in the external store, its SecretProviderClass or its access."),
        ("persistentvolumeclaim.* not found", "Create the claim, or correct its name in the template of the pod."),
        ("storageclass.* not found", "Create the StorageClass, or correct its name in the claim."),
        ("ProvisioningFailed", "Correct the StorageClass, the permissions or the capacity that the message names."),
        (
            "ExternalProvisioning",
            "See the log of the driver of the volume; if none runs, install it or correct the StorageClass.",
        ),
        (
            "non-existent persistentvolume|phase Lost",
            "Restore the volume, or create the claim again: it has lost its volume.",
        ),
        (
            "unbound immediate|find available persistent volumes|binding volumes",
            "Look at the claim: its StorageClass and driver must create its volume, or an administrator.",
        ),
        ("enough free storage", "Add storage where the driver of the volume creates it, or nodes with more of it."),
        ("volume node affinity|volume zone", "Add a node in the zone of the volume, or create the claim again."),
        (
            "mount\\.nfs.*(timed out|refused|No route|unreachable)",
            "Repair the NFS server, or the network and firewall from the node to it.",
        ),
        (
            "Failed to resolve server|mount\\.nfs.*Name or service not known",
            "Correct the name of the NFS server in the volume: the DNS of the node must know it.",
        ),
        (
            "mount\\.nfs.*No such file",
            "Create the exported directory on the NFS server, or correct it in the volume.",
        ),
        ("/sbin/mount\\.|helper program", "Install the helper of the file system on the node, such as nfs-common."),
        (
            "timed out waiting for external-attacher",
            "If the external-attacher of the CSI driver does not run, repair it; else its log has the reason.",
        ),
        (
            "fsck found errors|wrong fs type|bad superblock",
            "Repair the file system of the volume, or restore the volume.",
        ),
        (
            "operation with the given [Vv]olume .*already exists",
            "Wait: the driver still works on an earlier request. If that lasts, its log says why.",
        ),
        (
            "UnauthorizedOperation|AuthorizationFailed|not authorized|AccessDenied|PermissionDenied",
            "Grant the driver of the volume the permission that the message names.",
        ),
        ("failed to fetch token: .*dial tcp", "Repair the API server, or the network from the node to it."),
        ("NewMounter initialization failed.*does not exist", "Create the path of the local volume on its node."),
        (
            "InvalidVolume.NotFound|[Vv]olume .{0,99}(not found|does not exist)",
            "Restore the volume if its disk no longer exists; else correct the zone or account of its driver.",
        ),
        (
            "MountDevice failed.*DeadlineExceeded|SetUp failed.*DeadlineExceeded",
            "Look at the log of the CSI driver on the node: its storage does not answer in time.",
        ),
        (
            "access denied|[Pp]ermission denied",
            "Correct the permissions: on its server for a volume such as NFS, else of the path on the node.",
        ),
    ),
    "workload_inadmissible": (
        (
            "LocalQueue .*(doesn't exist|not found|missing)",
            "Create the LocalQueue, or correct the label kueue.x-k8s.io/queue-name of the worker.",
        ),
        (
            "ClusterQueue .*(doesn't exist|not found)",
            "Create the ClusterQueue, or correct its name in the LocalQueue.",
        ),
        (
            "is (inactive|stopped)",
            "Start the queue again (stopPolicy), or correct what its condition Active names.",
        ),
        (
            "doesn't match ClusterQueue",
            "Change the labels of the namespace, or the namespaceSelector of the ClusterQueue.",
        ),
        (
            "maximum capacity|ExceedsMaxQuota|insufficient quota",
            "Lower the requests of the worker, or raise the quota of the ClusterQueue.",
        ),
        (
            "unavailable in ClusterQueue",
            "Add the resource to the ClusterQueue, or remove it from the requests of the worker.",
        ),
        (
            "flavor|NoMatchingFlavor",
            "Correct the node selector and tolerations of the worker, or the ResourceFlavors.",
        ),
        ("validation failed|LimitRange", "Correct the requests and limits of the worker."),
    ),
    "unschedulable": (
        (
            "NotTriggerScaleUp.*max (node group size|limit)",
            "Raise the maximum size of the node group, or end other pods.",
        ),
        (
            "NotTriggerScaleUp.*in backoff after failed scale-up",
            "Look at the node group: its last new node did not come, such as for lack of quota or of machines.",
        ),
        (
            "Failed to schedule pod, .*exceeds? limits",
            "Raise the limits of the NodePool, or wait for the end of other pods.",
        ),
        (
            "Failed to schedule pod, .*(incompatible|instance type)",
            "Correct the requirements of the NodePool, or the requests and the node selector of the pod.",
        ),
        ("free ports", "Wait for the pod that holds the host port, or remove the port from the template."),
        (
            "(?i:device ?class).*(not found|does not exist|could not)",
            "Install the driver that creates the DeviceClass, or correct its name in the claim.",
        ),
        (
            "(?i:resource ?claim(template)?s?) .*not found|to create the resourceclaim",
            "Create the ResourceClaim or ResourceClaimTemplate, or correct its name in the template of the pod.",
        ),
        (
            "allocate all claims|(?i:resource ?claim)",
            "Add devices, or wait for the pods that hold them; end those that are over.",
        ),
        (
            "max volume count",
            "Add nodes, or wait for pods with volumes to end: the nodes can attach no more volumes.",
        ),
        (
            "topology spread constraints \\(missing required label\\)",
            "Add the label of the topologyKey to the nodes, or correct the key in the template of the pod.",
        ),
        (
            "topology spread",
            "Add nodes in the zones (topologyKey) with the fewest pods, or set whenUnsatisfiable: ScheduleAnyway.",
        ),
        ("anti-affinity", "Add nodes, wait for the pods that the anti-affinity keeps apart, or relax it."),
        (
            "pod affinity rules",
            "Start the pods near which the affinity wants this one, or correct the podAffinity in the template.",
        ),
        ("no nodes available", "Add nodes: the cluster has none."),
        ("Insufficient", "Add nodes, end other pods, or lower the requests of the pod."),
        ("Too many pods", "Add nodes, or raise maxPods of their kubelets: they run as many pods as they may."),
        ("were unschedulable", "Uncordon nodes, or add nodes."),
        ("requested node name", "Correct the name of the node in the template of the pod."),
        (
            "pod ?group|minAvailable|minMember",
            "Create the pods of the group that are missing; if none is, add room for all: they start together.",
        ),
        ("didn't match|(untolerated|had) taint", _FIT),
    ),
    "image_pull": (
        ("InvalidImageName|invalid reference", "Correct the name of the image."),
        ("ErrImageNeverPull", "Load the image on the node, or change the imagePullPolicy."),
        (
            "ImageInspectError|InspectFailed",
            "Remove the image from the node, so that it is pulled again; if it repeats, repair the runtime.",
        ),
        ("SignatureValidationFailed", "Sign the image, or correct the signature policy of the node."),
        (
            rf"{_STATUS.format(429)}|[Tt]oo ?[Mm]any ?[Rr]eq|rate limit",
            "Log in to the registry with a pull secret, or use a mirror.",
        ),
        (
            "x509: |certificate (signed|has expired|is not)",
            "Correct the certificate of the registry, the CAs that the node trusts, or the clock of the node.",
        ),
        (
            "HTTP response to HTTPS",
            "Serve the registry with TLS, or permit HTTP for it in the container runtime of the node (hosts.toml).",
        ),
        ("no space left", "Free disk space on the node."),
        ("no match", "Use an image for the architecture of the node, or select nodes of its architecture."),
        ("short[- ]name", "Write the registry before the name of the image."),
        (
            "Unable to retrieve some image pull secrets.*",
            "Create the pull secret that the evidence names, with credentials for the registry of the image.",
        ),
        (
            "not found|manifest unknown|does not exist in",
            "Push the image, or correct its name or tag; if it exists, give the pod credentials for it.",
        ),
        (
            "token (has )?expired|expired token",
            "Renew the token in the pull secret; tokens of Amazon ECR are valid for 12 hours.",
        ),
        (
            rf"nauthorized|{_STATUS.format(401)}|no basic auth|anonymous token",
            "Put valid credentials into imagePullSecrets of the pod; if they are, correct the name of the image.",
        ),
        (
            rf"{_STATUS.format(403)}|denied|[Ff]orbidden",
            "Let the account of the pull secret read the image, or correct the name of the image.",
        ),
        (
            rf"{_STATUS.format('50[0-4]')}|[Bb]ad [Gg]ateway|[Ss]ervice [Uu]navailable|Internal Server Error",
            "Repair the registry, or use a mirror: it answers with a server error.",
        ),
        (
            "no such host|server misbehaving|name resolution|lookup .*timeout",
            "Correct the host in the name of the image, or the DNS of the node, which is not that of the cluster.",
        ),
        (
            "dial tcp|timeout|refused|deadline|no route to host|unreachable",
            "If no node reaches the registry, repair that; else the network from the node: route, firewall, proxy.",
        ),
        ("EOF|connection reset|short read", "Repair the registry or the proxy before it: it ends the transfer."),
    ),
    "container_cannot_be_created": (
        ("AppArmor", "Load the AppArmor profile on the node, or remove it from the template of the pod."),
        (
            "name .* is reserved for",
            "Delete the pod if it stays so, and look for slow disks or a hanging container runtime on its node.",
        ),
        (
            "sandbox image|pause image",
            "Load the sandbox image on the node, or correct it and its registry in the container runtime.",
        ),
        (
            'failed to mkdir "": mkdir : no such file',
            "Update the container runtime of the node: the volume is an image, which it does not support.",
        ),
        (
            "idmap|IDMAP|mount_setattr",
            "Remove hostUsers: false, or use a volume whose file system has idmapped mounts.",
        ),
        (
            "CDI device|CDI spec",
            "Delete the pod, so that its devices are prepared again; if it repeats, repair their driver.",
        ),
        ("user namespace", "Use a runtime with user namespaces, or remove hostUsers: false."),
        ("no runtime for|RuntimeHandler", "Install the runtime on the node, or correct the RuntimeClass."),
        ("OOM-killed", "Raise the memory limit of the container: it is too low even for its start."),
        ("no command specified", "Set a command in the template of the pod, or in the image."),
        (
            "nvidia-container-cli|nvml error|gathering device information",
            "Repair the device or its driver on the node, such as that of a GPU.",
        ),
        ("verify user is non-root", "Set runAsUser to the number of the user, because the image names the user."),
        ("runAsNonRoot|run as root", "Set runAsUser to a user other than root, or use an image with one."),
        (
            "assign.*IP|no more IPs|IP address|no free IP|insufficient.*ip",
            "If the subnet has no free address, enlarge it; else the log of the network plugin says why.",
        ),
        ("/sys/fs/cgroup/.*no space left", "Drain and restart the node: its kernel can create no more cgroups."),
        (
            "failed to set ?up (network|sandbox)|FailedCreatePodSandBox.*([Nn]etwork|plugin type|CNI|cni)",
            "Repair the network plugin of the node.",
        ),
        (
            "FailedCreatePodSandBox.*(executable file not found|no such file|permission denied)",
            "Repair the container runtime of the node.",
        ),
        (
            "exec format",
            "If the file is a script, begin it with #!/bin/sh; else use an image for the architecture of the node.",
        ),
        (
            "mounting .* to rootfs|subPath",
            "Correct the mounts of the container: the path, or what the volume or the image has there.",
        ),
        ("executable file not found", "Correct the command, or the image."),
        (
            "no such file.*exec|exec.*no such file",
            "Correct the command, or add the file or its interpreter to the volume mounted there, else to the image.",
        ),
        (
            "exec.*permission denied",
            "If a volume has the file, set its mode there (defaultMode: 0755); else make it executable in the image.",
        ),
        ("permission denied", "Correct the user of the container, or the mode of what the message names."),
        ("DRA driver|dynamic resources", "Repair the pod of the driver of the devices on the node."),
        ("FailedKillPod", "Restart the container runtime of the node."),
        (
            "context deadline exceeded|DeadlineExceeded",
            "Look for slow disks or a hanging container runtime on the node.",
        ),
        ("[Nn]etwork|CNI|cni", "Repair the network plugin of the node."),
        ("PostStartHook|lifecycle hook", "Correct the command in lifecycle.postStart of the container."),
        ("no space left", "Free disk space on the node."),
    ),
    "pods_terminating": (
        ("FailedKillPod", "Restart the container runtime of the node; if that fails, the node."),
        ("", "See what the containers that still run wait for; if the node is gone, delete its Node object."),
    ),
}
_DENIED: Final = re.compile(r"denied (the )?request")
"""The text of a webhook or a policy follows, which may contain anything."""
_PATTERNS: Final = {cause: [(re.compile(text), fix) for text, fix in rules] for cause, rules in FIXES_BY_TEXT.items()}


def fix_of(cause: str, evidence: str) -> str:
    """The fix of a cause with this evidence; empty if there is none. The text of a webhook does not count."""
    denied = _DENIED.search(evidence)
    text = evidence[: denied.end()] if denied else evidence
    if cause == "unschedulable" and (fix := unfit_fix(text, _fix_of_room)):
        return fix
    return _first(cause, text)


def _first(cause: str, text: str) -> str:
    return next((fix for pattern, fix in _PATTERNS.get(cause, ()) if pattern.search(text)), FIXES.get(cause, ""))


def _fix_of_room(text: str) -> str:
    """The fix of a Pod that no node fits, unless it is about labels: those of tainted nodes were not compared."""
    fix = _first("unschedulable", text)
    return "" if fix == _FIT else fix


def fixes_of(cause: str) -> list[str]:
    """All fixes that the cause may have."""
    every = [fix for _, fix in FIXES_BY_TEXT.get(cause, ())]
    if cause == "volume_waiting":
        every += [HOLDER_IS_OVER, HOLDER_ENDS, HOLDER_STAYS, HOLDER_IS_LOST]
    if cause == "unschedulable":
        every += [*TAINT_FIXES, NAMELESS_FIX]
    return list(dict.fromkeys([*every, FIXES[cause]] if cause in FIXES else every))
