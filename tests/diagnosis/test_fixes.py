"""The fix of a cause depends on the evidence. Without a text that decides, there is none."""

import json

import pytest

from exporter.diagnosis import CAUSES
from exporter.diagnosis.fixes_by_text import FIXES_BY_TEXT, fix_of
from tests.commands.in_process import call
from tests.diagnosis.test_causes import OPEN, READ, a_pod, an_event, without_pod
from tests.objects import CREATED, a_job, stamp

SANDBOX = 'FailedCreatePodSandBox: failed to setup network for sandbox "9f":'


@pytest.mark.parametrize(
    ("cause", "evidence", "words"),
    [
        ("admission_denied", 'failed calling webhook "x": x509: unknown authority', "certificate"),
        ("admission_denied", 'failed calling webhook "x": no endpoints available', "Repair the pods"),
        ("admission_denied", 'admission webhook "x" denied the request: the certificate has expired', "objects to"),
        ("admission_denied", 'violates PodSecurity "baseline:latest": privileged', "Pod Security level"),
        ("admission_denied", "maximum memory usage per Container is 4Gi", "LimitRange"),
        ("admission_denied", "no PriorityClass with name high was found", "PriorityClass"),
        ("admission_denied", "is forbidden: for a new reason", ""),
        ("evicted", "Evicted: The node was low on resource: memory", "Request as much"),
        ("evicted", "Evicted: Pod ephemeral local storage usage exceeds the total limit", "Raise the limit"),
        ("evicted", "Terminated: Pod was terminated in response to imminent node shutdown", "shut down"),
        ("evicted", "Evicted: Evicted pod: Underutilized", "do-not-disrupt"),
        ("evicted", "EvictionByEvictionAPI", "Run it again."),
        ("volume_waiting", "FailedAttachVolume: Multi-Attach error for volume", "Wait for the end of the pod"),
        ("volume_waiting", "FailedMount: failed to mount secrets store objects for pod x", "SecretProviderClass"),
        ("volume_waiting", "FailedMount: timed out waiting for the condition", ""),
        ("volume_waiting", "FailedMount: mount failed: exit status 32 mount.nfs: Connection timed out", "NFS server"),
        ("pod_creation_failed", "Invalid value: must be less than or equal to cpu limit of 1", "Lower the request"),
        ("pod_creation_failed", "is forbidden: for a new reason", ""),
        ("container_cannot_be_created", 'name "a_b_0" is reserved for "9f"', "container runtime"),
        ("unschedulable", "Unschedulable: 1 node(s) didn't have free ports", "host port"),
        ("unschedulable", "Unschedulable: 2 cannot allocate all claims", "devices"),
        ("unschedulable", "Unschedulable: 2 Insufficient cpu", "requests"),
        ("image_pull", "Failed: ghcr.io/a/b:2: not found", "Push the image"),
        ("image_pull", "Failed: toomanyrequests: 429 Too Many Requests", "mirror"),
        ("image_pull", "Failed: r/agent:2.429.0: not found", "Push the image"),
        ("image_pull", "Failed: r/agent@sha256:ab403f: dial tcp 10.0.0.1:443: i/o timeout", "network from the node"),
        ("image_pull", "Failed: unexpected status from HEAD request to https://r/v2/a: 403 Forbidden", "pull secret"),
        ("image_pull", "ImagePullBackOff", ""),
        ("quota", "the pod is forbidden: status unknown for quota: q", "kube-controller-manager"),
        ("container_cannot_be_created", "CreateContainerError: unresolvable CDI devices k8s.gpu", "Delete the pod"),
        ("admission_denied", 'pod rejected: RuntimeClass "gvisor" not found', "Create the RuntimeClass"),
        ("volume_waiting", "FailedMount: hostPath type check failed: /data is not a directory", "DirectoryOrCreate"),
        (
            "volume_waiting",
            "FailedAttachVolume: rpc error: code = ResourceExhausted: attachment limit exceeded",
            "Add nodes",
        ),
        ("volume_waiting", "FailedMount: mount.nfs: Failed to resolve server a.example: Name unknown", "NFS server"),
        ("volume_waiting", "FailedMount: you might need a /sbin/mount.<type> helper program", "nfs-common"),
        ("volume_waiting", "FailedAttachVolume: timed out waiting for external-attacher of x", "external-attacher"),
        ("unschedulable", "Unschedulable: 3 node(s) exceed max volume count", "attach no more volumes"),
        ("unschedulable", "Unschedulable: 3 node(s) didn't match pod topology spread constraints", "ScheduleAnyway"),
        (
            "unschedulable",
            "Unschedulable: 3 node(s) didn't match pod topology spread constraints (missing required label)",
            "label of the topologyKey",
        ),
        ("unschedulable", "Unschedulable: 3 node(s) didn't match pod anti-affinity rules", "keeps apart"),
        (
            "unschedulable",
            'FailedResourceClaimCreation: resourceclaimtemplate "gpu" not found',
            "ResourceClaimTemplate",
        ),
        (
            "unschedulable",
            'Unschedulable: waiting for dynamic resource controller to create the resourceclaim "p-gpu"',
            "ResourceClaimTemplate",
        ),
        ("unschedulable", "request gpu: device class gpu.example.com does not exist", "DeviceClass"),
        ("image_pull", "Failed: failed to fetch anonymous token: 401 Unauthorized", "valid credentials"),
        ("image_pull", "Failed: 123.dkr.ecr.x.amazonaws.com/a: no basic auth credentials", "valid credentials"),
        ("image_pull", "Failed: Your authorization token has expired. Reauthenticate", "12 hours"),
        ("image_pull", "Failed: denied: requested access to the resource is denied", "read the image"),
        (
            "image_pull",
            "Failed: 403 Forbidden; Unable to retrieve some image pull secrets (regcred)",
            "Create the pull secret",
        ),
        ("image_pull", "Failed: dial tcp: lookup r.example on 10.0.0.2:53: no such host", "DNS of the node"),
        ("image_pull", "Failed: unexpected status from HEAD request: 503 Service Unavailable", "server error"),
        ("image_pull", "Failed: http: server gave HTTP response to HTTPS client", "permit HTTP"),
        (
            "image_pull",
            "Failed: tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "CAs",
        ),
        ("image_pull", 'Failed: short-name "agent" did not resolve to an alias', "Write the registry"),
        (
            "container_cannot_be_created",
            'FailedCreatePodSandBox: failed to get sandbox image "registry.k8s.io/pause:3.9": network is unreachable',
            "sandbox image",
        ),
        (
            "container_cannot_be_created",
            'CreateContainerError: failed to mkdir "": mkdir : no such file or directory',
            "image",
        ),
        (
            "container_cannot_be_created",
            "StartError: failed to set MOUNT_ATTR_IDMAP on /x: idmap not supported",
            "hostUsers",
        ),
        (
            "container_cannot_be_created",
            "FailedCreatePodSandBox: plugin type cni failed: no network",
            "network plugin",
        ),
        (
            "container_cannot_be_created",
            f'{SANDBOX} plugin type="calico" failed (add): open /etc/cni/net.d/calico-kubeconfig: permission denied',
            "network plugin",
        ),
        (
            "container_cannot_be_created",
            f'{SANDBOX} plugin type="portmap" failed (add): exec: "iptables": executable file not found in $PATH',
            "network plugin",
        ),
        (
            "container_cannot_be_created",
            f"{SANDBOX} fork/exec /opt/cni/bin/calico: no such file or directory",
            "network plugin",
        ),
        ("container_cannot_be_created", f"{SANDBOX} failed to assign an IP address to container", "subnet"),
        (
            "container_cannot_be_created",
            'FailedCreatePodSandBox: no runtime for "kata" is configured; network: none',
            "RuntimeClass",
        ),
        (
            "container_cannot_be_created",
            'FailedCreatePodSandBox: exec: "runc": executable file not found in $PATH',
            "container runtime",
        ),
        (
            "container_cannot_be_created",
            'StartError: error mounting "/a" to rootfs at "/b": open /b: permission denied',
            "mounts",
        ),
        ("container_cannot_be_created", 'StartError: exec: "/run.sh": permission denied', "executable in the image"),
        ("container_cannot_be_created", "runtime does not support user namespaces", "hostUsers"),
        (
            "container_cannot_be_created",
            "FailedCreatePodContainer: mkdir /sys/fs/cgroup/memory/kubepods/pod1: no space left on device",
            "cgroups",
        ),
        ("container_cannot_be_created", "write /var/lib/containerd/x: no space left on device", "disk space"),
        ("container_cannot_be_created", "CreateContainerError: something", ""),
        ("pods_terminating", "1 pod terminating; FailedKillPod: error killing pod", "runtime"),
    ],
)
def test_the_text_decides(cause, evidence, words):
    """The text of a webhook may contain anything, so it does not decide."""
    found = fix_of(cause, evidence)
    assert (words in found) if words else (found == "")


@pytest.mark.parametrize(
    ("cause", "evidence", "words"),
    [
        ("container_cannot_be_created", 'StartError: exec: "/x/run.sh": permission denied', ("volume", "image")),
        ("container_cannot_be_created", "StartError: exec /x/run.sh: no such file or directory", ("volume", "image")),
        ("container_cannot_be_created", "StartError: exec /run.sh: exec format error", ("#!/bin/sh", "architecture")),
        ("container_cannot_be_created", "failed to assign an IP address", ("subnet", "network plugin")),
        (
            "finalizer_stuck",
            "all containers of pod p have ended, and the pod still exists",
            ("kubelet", "Node object"),
        ),
        (
            "finalizer_stuck",
            "finalizer foregroundDeletion keeps Job j: the garbage collector removes it once the objects are gone",
            ("objects that it owns", "kube-controller-manager"),
        ),
        (
            "admission_denied",
            "the integer value of priority (0) must not be provided in pod spec",
            ("Remove spec.pri",),
        ),
        ("pod_creation_failed", "Timeout: request did not complete within the timeout", ("API server", "webhook")),
        ("node_rejected", "UnexpectedAdmissionError: Allocate failed", ("Run it again", "device plugin")),
        ("evicted", "Evicted: The node was low on resource: memory", ("the pod uses", "free the node")),
        ("evicted", "Taint manager: deleting due to NoExecute taint", ("repair it", "toleration")),
        ("volume_waiting", "driver x not found in the list of registered CSI drivers", ("Repair", "install")),
        ("volume_waiting", "FailedMount: SetUp failed: access denied", ("server", "node")),
        ("image_pull", "Failed: r/a:1: not found", ("Push", "credentials")),
        ("image_pull", "Failed: 401 Unauthorized", ("credentials", "name of the image")),
        ("image_pull", "Failed: dial tcp 10.0.0.1:443: connection refused", ("registry", "network from the node")),
        ("oom_killed", "container agent ended with exit code 137 (OOMKilled)", ("limit", "node")),
        ("pod_secret_missing", 'secret "x" not found', ("Create", "correct its name")),
    ],
)
def test_two_causes_have_two_fixes(cause, evidence, words):
    """If the evidence allows causes of different owners, the fix says how to tell them apart."""
    assert [word for word in words if word not in fix_of(cause, evidence)] == []


def test_each_fix_belongs_to_a_cause():
    """Otherwise it would never be shown."""
    assert FIXES_BY_TEXT.keys() <= CAUSES.keys()


def explained(folder, *objects, after):
    """The first finding, in JSON and as text, `after` seconds after the creation."""
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [OPEN, *objects, READ]}))
    words = ("explain", "-f", path, "r", "--at", stamp(CREATED + after))
    return json.loads(call(*words, "-o", "json")[1])["findings"][0], call(*words)[1]


def test_a_pod_has_its_grace_period(tmp_path):
    """The time of its deletion is the end of that period."""
    pod = a_pod("Running", deleted=CREATED + 3600)
    found, text = explained(tmp_path, without_pod(terminating=1), pod, after=720)
    assert (found["cause"], found["fault"]) == ("pods_terminating", False)
    assert found["evidence"] == "1 pod terminating, none active"
    assert found["fix"] == "Wait for the end of the grace period."
    assert f"Since:     {stamp(CREATED + 3600)} (in 48m)\n" in text


@pytest.mark.parametrize("worker", [without_pod(terminating=1), a_job(active=0)])
def test_the_kubelet_says_why_a_pod_does_not_end(tmp_path, worker):
    """The runtime on its node hangs, for example."""
    event = an_event(reason="FailedKillPod", note="error killing pod: context deadline exceeded")
    other = event | {"metadata": {"name": "k", "namespace": "n", "uid": "k"}}
    found, _ = explained(tmp_path, worker, a_pod("Running", deleted=CREATED + 60), other, after=720)
    assert (found["cause"], found["fault"]) == ("pods_terminating", True)
    assert found["evidence"].endswith("; FailedKillPod: error killing pod: context deadline exceeded")
    assert "runtime" in found["fix"]
