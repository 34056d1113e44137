"""Decodes Pods of Jobs: from a Pod as JSON to its record."""

import pytest

from exporter.cache import Container, Pod
from exporter.config import Settings
from exporter.informers import watch_config
from exporter.kube.decode import Decoder
from exporter.profiles import Profile, resolve
from exporter.profiles.language import StateRule, Worker
from exporter.resources.job_pods import RESOURCE, pod_of_job
from exporter.resources.kinds import run_kinds
from exporter.resources.pod_objects import WirePod
from tests.objects import CREATED, raw, stamp

KINDS = run_kinds([resolve("coderuns.agents.platform")])
OWNER = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "job-j", "controller": True}


def a_pod(*, owners=(OWNER,), labels=None, annotations=None, spec=None, **status):
    """A Pod of the Job `j`. `status` are the fields of its status."""
    meta = {"name": "j-x", "namespace": "n", "uid": "pod-x", "creationTimestamp": stamp(CREATED)}
    meta |= {"ownerReferences": list(owners), "labels": {"job-name": "j"} | (labels or {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta | {"annotations": annotations or {}},
        "spec": {"containers": [{"name": "claude-code"}, {"name": "docker-daemon"}]} | (spec or {}),
        "status": {"phase": "Running"} | status,
    }


def record(item, kinds=KINDS):
    """The record of a Pod."""
    wire, _ = Decoder(WirePod).decode(raw(item))
    return pod_of_job(wire, kinds=kinds)


def main_containers(item, kinds=KINDS):
    """The names of the main containers."""
    return [one.name for one in record(item, kinds).containers if one.role == "main"]


def containers(*names):
    """The arguments for a Pod with these containers."""
    return {"spec": {"containers": [{"name": name} for name in names]}}


def a_kind(**worker):
    """A kind of runs whose profile has these settings for its worker (its Job or Pod)."""
    profile = Profile(
        resource="tasks.v1.example.com", kind="Task", state=(StateRule(open=("x",)),), worker=Worker(**worker)
    )
    return run_kinds([profile])


def test_a_running_pod_whose_main_container_has_terminated():
    """The record has the state, role and times of each container."""
    item = a_pod(
        spec={
            "nodeName": "node-1",
            "initContainers": [{"name": "clone"}, {"name": "proxy", "restartPolicy": "Always"}],
        },
        startTime=stamp(CREATED + 2),
        initContainerStatuses=[
            {
                "name": "clone",
                "state": {
                    "terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": stamp(CREATED + 5)},
                },
            },
            {"name": "proxy", "state": {"running": {"startedAt": stamp(CREATED + 6)}}},
        ],
        containerStatuses=[
            {
                "name": "docker-daemon",
                "restartCount": 2,
                "state": {"running": {"startedAt": stamp(CREATED + 7)}},
                "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
            },
            {
                "name": "claude-code",
                "state": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": stamp(CREATED + 90)}},
            },
        ],
    )
    assert record(item) == Pod(
        uid="pod-x",
        namespace="n",
        name="j-x",
        owner="job-j",
        node="node-1",
        phase="Running",
        created=CREATED,
        started=CREATED + 2,
        containers=(
            Container(
                name="clone", role="init", state="terminated", reason="Completed", exit_code=0, since=CREATED + 5
            ),
            Container(name="proxy", role="side", state="running", since=CREATED + 6, sidecar=True),
            Container(
                name="claude-code", role="main", state="terminated", reason="Error", exit_code=1, since=CREATED + 90
            ),
            Container(
                name="docker-daemon",
                role="side",
                state="running",
                since=CREATED + 7,
                restarts=2,
                last_reason="OOMKilled",
                last_exit_code=137,
            ),
        ),
    )


def test_a_pod_that_is_not_scheduled_has_the_message_of_the_scheduler():
    """It has no node, no start time and no container states."""
    found = record(
        a_pod(
            phase="Pending",
            conditions=[
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": "0/3 nodes are available: 3 Insufficient cpu.",
                    "lastTransitionTime": stamp(CREATED + 1),
                }
            ],
        )
    )
    assert (found.unscheduled, found.unscheduled_since) == (
        "Unschedulable: 0/3 nodes are available: 3 Insufficient cpu.",
        CREATED + 1,
    )
    assert (found.node, found.started, found.state, [one.state for one in found.containers]) == (
        "",
        None,
        "pending",
        ["", ""],
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {
                "phase": "Failed",
                "reason": "Evicted",
                "message": "The node was low on resource: memory.",
                "conditions": [
                    {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"},
                    {"type": "Ready", "lastTransitionTime": stamp(CREATED + 30)},
                ],
            },
            ("", "Evicted", "The node was low on resource: memory.", "TerminationByKubelet", CREATED + 30),
        ),
        ({"phase": "Unknown", "reason": "NodeLost"}, ("running", "NodeLost", "", "", None)),
    ],
)
def test_an_evicted_or_lost_pod_has_the_reason(fields, expected):
    """The kubelet and the controllers set the reason, the message or a condition."""
    found = record(a_pod(**fields))
    assert (found.state, found.reason, found.message, found.disruption, found.finished) == expected


@pytest.mark.parametrize(
    ("fields", "kinds", "expected"),
    [
        ({}, KINDS, ["claude-code"]),
        ({"labels": {"cli-container": "docker-daemon"}}, KINDS, ["docker-daemon"]),
        ({"labels": {"cli-container": "another"}}, KINDS, ["claude-code"]),
        ({"annotations": {"kubectl.kubernetes.io/default-container": "docker-daemon"}}, KINDS, ["docker-daemon"]),
        ({"annotations": {"kubectl.kubernetes.io/default-container": "another"}}, KINDS, ["claude-code"]),
        ({}, a_kind(container="docker-*"), ["docker-daemon"]),
        ({}, a_kind(container="another"), ["claude-code"]),
        (containers("agent"), KINDS, ["agent"]),
        (containers("istio-proxy"), KINDS, ["istio-proxy"]),
        (containers("istio-proxy", "agent"), KINDS, ["agent"]),
        (containers("promtail", "agent", "docker-daemon", "postgres"), KINDS, ["agent"]),
        (containers("helper", "agent"), KINDS, []),
        (containers("dind", "postgres"), KINDS, []),
        (containers("vault-agent", "kelos-agent"), KINDS, ["kelos-agent"]),
        (containers("helper", "agent") | {"labels": {"cli-container": "agent"}}, KINDS, ["agent"]),
        ({"labels": {"m": "claude-code"}}, a_kind(container="docker-*", container_label="m"), ["claude-code"]),
        ({"spec": {"containers": []}}, KINDS, []),
    ],
)
def test_the_main_container_is_named_by_label_profile_or_annotation_or_is_the_only_one(fields, kinds, expected):
    """They are tried in this order. Names of missing containers and of known helper containers are ignored."""
    assert main_containers(a_pod(**fields), kinds) == expected


@pytest.mark.parametrize(
    ("owners", "labels", "owner"),
    [
        ([OWNER], {"controller-uid": "job-j"}, "job-j"),
        ([OWNER | {"kind": "CodeRun"}], {}, None),
        ([OWNER | {"apiVersion": "x/v1"}], {}, None),
        ([OWNER | {"controller": False}], {"controller-uid": "job-j"}, None),
        ((), {"batch.kubernetes.io/controller-uid": "job-j"}, None),
        ((), {}, "@n/j"),
        ((), {"job-name": ""}, None),
    ],
)
def test_a_pod_belongs_to_the_job_that_controls_it(owners, labels, owner):
    """A Pod without a controller, which no other Job has owned, belongs to the Job that its label names."""
    found = record(a_pod(owners=owners, labels=labels))
    assert (found and found.owner) == owner
    assert found is None or found.named == (owner == "@n/j")


def test_a_pod_whose_name_does_not_match_its_job_label_is_ignored():
    """A user may have copied the labels. The prefix of a generated name has at most 58 characters."""
    item = a_pod(owners=())
    item["metadata"]["name"] = "debug"
    assert record(item) is None
    job = "j" * 63
    item = a_pod(owners=(), labels={"job-name": job})
    item["metadata"]["name"] = job[:58] + "x2x2x"
    assert record(item).owner == f"@n/{job}"


def test_a_succeeded_pod_is_ignored():
    """A server that does not support the field selector sends such Pods."""
    assert record(a_pod(phase="Succeeded")) is None


def test_at_most_fifty_containers_are_stored_including_the_main_container():
    """The number of the others is stored."""
    names = [f"c{number}" for number in range(70)]
    item = a_pod(
        labels={"cli-container": "c66"}, spec={"containers": [{"name": name} for name in names]}, containerStatuses=[]
    )
    found = record(item)
    assert [one.name for one in found.containers] == [*names[:49], "c66"]
    assert found.more_containers == 20


def test_messages_of_the_kubelet_are_cleaned_and_termination_messages_are_ignored():
    """The message of a terminated container may be the end of its log."""
    hostile = "Back-off pulling image \x1b[31m{{ .x }}\nfrom https://user:hunter2@registry.example/x " + "y" * 5000
    found = record(
        a_pod(
            phase="Pending",
            containerStatuses=[
                {"name": "claude-code", "state": {"waiting": {"reason": "ImagePullBackOff\n", "message": hostile}}},
                {"name": "docker-daemon", "state": {"terminated": {"message": "sk-secret", "reason": "Error"}}},
            ],
        )
    )
    main, side = found.containers
    assert (main.reason, side.message) == ("ImagePullBackOff", "")
    assert main.message.isprintable()
    assert len(main.message) <= 600
    assert "hunter2" not in main.message


def test_the_back_off_time_is_removed_from_messages():
    """The message is a label value, so each back-off time would create a new series."""

    def waits(time):
        text = f"back-off {time} restarting failed container=claude-code pod=j-x_n(pod-x)"
        waiting = {"reason": "CrashLoopBackOff", "message": text}
        return record(a_pod(containerStatuses=[{"name": "claude-code", "state": {"waiting": waiting}}]))

    messages = {waits(time).containers[0].message for time in ("10s", "1m20s", "5m0s")}
    assert messages == {"back-off restarting failed container=claude-code pod=j-x_n(pod-x)"}


def test_a_pod_without_a_readable_field_has_an_empty_record():
    """Each malformed field is empty, and the other fields are kept."""
    item = a_pod() | {"spec": {"containers": "x", "nodeName": ["x"]}, "status": [1]}
    assert record(item) == Pod(uid="pod-x", namespace="n", name="j-x", owner="job-j", created=CREATED)


def test_the_api_server_selects_pods_by_the_job_label():
    """Pods are listed in the namespaces of the settings. The label selector of runs does not apply to them."""
    settings = Settings(namespaces=("a", "b"), label_selector="team=x")
    assert [(one.path, one.params) for one in RESOURCE.lists(watch_config(settings))] == [
        (
            f"/api/v1/namespaces/{name}/pods",
            {"labelSelector": "job-name", "fieldSelector": "status.phase!=Succeeded"},
        )
        for name in "ab"
    ]
