"""A Service without ready endpoints that a container waits for or a webhook is behind, and limits of memory."""

import pytest

from tests.diagnosis.test_causes import a_pod, an_event, without_pod
from tests.diagnosis.test_fixes import explained
from tests.explaining.test_other_pods import another
from tests.explaining.test_related import a_workload
from tests.objects import CREATED, stamp

LABELS = {"app": "tools"}
COMMAND = ["sh", "-c", "until nc -z tools.x.svc.cluster.local 3000; do sleep 3; done; echo s3cret"]


def waiting(command=COMMAND, env=(), state=None, init=True):
    """A Pod whose init container does not end."""
    status = {"name": "wait", "state": state or {"running": {"startedAt": stamp(CREATED)}}}
    found = a_pod("Pending", initContainerStatuses=[status])
    spec = {"name": "wait", "command": command, "env": [*env]}
    return found | {"spec": {"nodeName": "w", "initContainers": [spec], "containers": [{"name": "agent"}]}}


def service(name="tools", namespace="x", **spec):
    """A Service."""
    meta = {"name": name, "namespace": namespace, "uid": f"svc-{name}"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": LABELS, **spec}}


def slice_of(*ready, name="tools", namespace="x"):
    """Its EndpointSlice, with an endpoint for each value."""
    meta = {"name": f"{name}-1", "namespace": namespace, "labels": {"kubernetes.io/service-name": name}}
    endpoints = [{"addresses": ["10.0.0.1"], "conditions": {"ready": one}} for one in ready]
    version = "discovery.k8s.io/v1"
    return {"apiVersion": version, "kind": "EndpointSlice", "metadata": meta, "endpoints": endpoints or None}


def endpoints(*addresses):
    """Its Endpoints."""
    subsets = [{"addresses": [{"ip": one} for one in addresses]}]
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "tools", "namespace": "x"},
        "subsets": subsets,
    }


def workload(replicas=0, labels=LABELS, **more):
    """A Deployment with the labels of the Service."""
    found = a_workload("tools", namespace="x", replicas=replicas, **more)
    return found | {"spec": found["spec"] | {"template": {"metadata": {"labels": labels}}}}


def failing(labels=LABELS, namespace="x"):
    """A Pod of the Service that fails."""
    pod = another("tools-1", namespace=namespace)
    return pod | {"metadata": pod["metadata"] | {"labels": labels}}


def first(folder, *objects):
    """The first finding."""
    return explained(folder, without_pod(active=1, ready=0), *objects, after=1200)[0]


@pytest.mark.parametrize(
    ("objects", "words", "command"),
    [
        (
            [service(), slice_of(), workload()],
            "Service x/tools, which has no ready endpoints: Deployment tools is scaled to 0 replicas",
            "kubectl -n x describe deployment tools",
        ),
        ([service(), workload()], "which selects its pods: Deployment tools", "describe deployment tools"),
        ([service(), slice_of(False), failing()], "no ready endpoints: pod tools-1 fails", "describe pod tools-1"),
        (
            [service(), slice_of(False)],
            "Service x/tools, which has no ready endpoints",
            "get services,endpointslices",
        ),
        ([service(), endpoints()], "Service x/tools, which has no ready endpoints", "get services,endpointslices"),
        ([service("other")], "Service x/tools, which does not exist", "kubectl -n x get services"),
    ],
)
def test_what_it_waits_for(tmp_path, objects, words, command):
    """Only the name of the Service is shown, nothing else of the command."""
    one = first(tmp_path, waiting(), *objects)
    assert one["cause"] == "init_container_stuck"
    assert words in one["evidence"]
    assert command in one["next"]
    assert "s3cret" not in str(one)


@pytest.mark.parametrize(
    "objects",
    [
        [],
        [service()],
        [service(), slice_of(True)],
        [service(), slice_of(False), slice_of(True) | {"metadata": slice_of()["metadata"] | {"name": "b"}}],
        [service(), endpoints("10.0.0.1")],
        [service(), workload(labels={"app": "o"})],
        [service(), workload(replicas=1, conditions=[{"type": "Available", "status": "False"}])],
        [service(type="ExternalName"), slice_of()],
        [service(selector=None), slice_of()],
        [service("other", "y")],
    ],
)
def test_nothing_is_known_or_wrong(tmp_path, objects):
    """It has a ready endpoint, or the dump does not show that it has none."""
    assert "Service" not in first(tmp_path, waiting(), *objects)["evidence"]


@pytest.mark.parametrize(
    ("command", "env", "is_named"),
    [
        (["nc", "-z", "tools.x", "3000"], (), True),
        (["sh"], [{"name": "URL", "value": "http://tools.x:3000/mcp"}], True),
        (["sh"], [{"name": "URL", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}], False),
        (["curl", "http://tools:3000"], (), False),  # that is one of the Pod's own namespace
        (["echo", "tools"], (), False),
        (["nc", "my-tools.x.svc", "3000"], (), False),
        (["nc", "api.tools.x", "3000"], (), False),
    ],
)
def test_how_a_service_is_named(tmp_path, command, env, is_named):
    """A word that is no host is no name."""
    objects = [service(), slice_of(), service("my-tools"), slice_of(True, name="my-tools")]
    assert ("Service x/tools" in first(tmp_path, waiting(command, env), *objects)["evidence"]) is is_named


def test_a_bare_name_is_of_the_own_namespace(tmp_path):
    """As the DNS of the cluster resolves it."""
    objects = service(namespace="n"), slice_of(namespace="n")
    assert "Service n/tools" in first(tmp_path, waiting(["curl", "http://tools:3000"]), *objects)["evidence"]


@pytest.mark.parametrize(("message", "is_named"), [("connect ECONNREFUSED 10.0.0.1:3000", True), ("bad", False)])
def test_an_init_container_that_cannot_connect(tmp_path, message, is_named):
    """Only the failure of a connection may be that of a Service."""
    ended = {"terminated": {"reason": "Error", "exitCode": 1, "message": message, "finishedAt": stamp(CREATED)}}
    one = first(tmp_path, waiting(state=ended), service(), slice_of())
    assert one["cause"] == "init_container_failed"
    assert ("Service x/tools" in one["evidence"]) is is_named


CALL = 'Error creating: failed calling webhook "w": failed to call webhook: Post "https://tools.x.svc:443/v": refused'


def refused(folder, *objects, note=CALL):
    """The first finding of a Job whose Pod a webhook refuses."""
    event = an_event("Job", "job-j", reason="FailedCreate", note=note)
    event["metadata"] = {"name": "refused", "namespace": "n", "uid": "refused"}
    return explained(folder, without_pod(), event, *objects, after=1200)[0]


def test_the_pods_behind_a_webhook(tmp_path):
    """They are what must be repaired."""
    one = refused(tmp_path, service(), failing())
    assert one["cause"] == "admission_denied"
    assert "; pod x/tools-1 of its Service fails: container c: CrashLoopBackOff" in one["evidence"]
    assert one["next"] == "kubectl -n x describe pod tools-1"
    scaled = refused(tmp_path, service(), slice_of(), workload())
    assert "; its Service x/tools has no ready endpoints: Deployment tools is scaled" in scaled["evidence"]


@pytest.mark.parametrize(
    "objects", [[service()], [failing()], [service(), failing({"app": "o"})], [service(), failing(namespace="y")]]
)
def test_other_pods_are_not_behind_the_webhook(tmp_path, objects):
    """Its Service does not select them."""
    assert "tools-1" not in refused(tmp_path, *objects)["evidence"]


@pytest.mark.parametrize(
    ("spec", "words", "fix"),
    [
        ({"resources": {"limits": {"memory": "2Gi"}}}, "its memory limit is 2Gi", "Raise the memory limit"),
        ({"resources": {"limits": {"cpu": "1"}}}, "it has no memory limit", "Set a request and a limit"),
        ({}, "it has no memory limit", "Set a request and a limit"),
    ],
)
def test_the_memory_limit_of_a_killed_container(tmp_path, spec, words, fix):
    """Without one, the node had no memory left."""
    ended = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": stamp(CREATED)}
    pod = a_pod("Running", containerStatuses=[{"name": "agent", "state": {"terminated": ended}}])
    one = first(tmp_path, pod | {"spec": {"nodeName": "w", "containers": [{"name": "agent", **spec}]}})
    assert (one["cause"], words in one["evidence"]) == ("oom_killed", True)
    assert one["fix"].startswith(fix)


def test_the_limit_of_the_pod_counts(tmp_path):
    """All its containers share it."""
    ended = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": stamp(CREATED)}
    pod = a_pod("Running", containerStatuses=[{"name": "agent", "state": {"terminated": ended}}])
    spec = {"nodeName": "w", "containers": [{"name": "agent"}], "resources": {"limits": {"memory": "4Gi"}}}
    assert "its memory limit is 4Gi" in first(tmp_path, pod | {"spec": spec})["evidence"]
