"""Runs whose worker is a run of another kind, such as the Sandbox of a SandboxClaim: its Pods count as their Pods."""

import itertools

import pytest

from exporter.profiles import Profile
from exporter.profiles.language import StateRule, Worker
from tests.objects import CREATED, stamp
from tests.profiles.listed import ListedExporter, a_pod, a_settings, controlled_by

CLAIMS, SANDBOXES = "sandboxclaims.extensions.agents.x-k8s.io", "sandboxes.agents.x-k8s.io"
SETTINGS = a_settings(CLAIMS, SANDBOXES)


def a_condition(reason, at=CREATED):
    """The status of a run whose condition Ready is False with this reason."""
    ready = {"type": "Ready", "status": "False", "reason": reason, "lastTransitionTime": stamp(at)}
    return {"conditions": [ready]}


def an_object(kind, name, *, group, created, status, of=None, namespace="n", spec=None):
    """A run of the agent-sandbox project."""
    meta = {"name": name, "namespace": namespace, "uid": f"{kind}-{name}", "creationTimestamp": stamp(created)}
    if of is not None:
        meta |= {"ownerReferences": controlled_by(of)}
    return {"apiVersion": f"{group}/v1beta1", "kind": kind, "metadata": meta, "spec": spec or {}, "status": status}


def a_claim(name="c", *, created=CREATED, **status):
    """A SandboxClaim that is not ready."""
    status = a_condition("DependenciesNotReady") | status
    return an_object("SandboxClaim", name, group="extensions.agents.x-k8s.io", created=created, status=status)


def a_sandbox(name="s", *, of=None, created=CREATED, reason="DependenciesNotReady", **other):
    """A Sandbox that the run `of` controls."""
    status = a_condition(reason, created)
    return an_object("Sandbox", name, group="agents.x-k8s.io", created=created, status=status, of=of, **other)


def an_exporter(*objects, unread=(), now=CREATED + 60):
    """An exporter that has listed these objects."""
    return ListedExporter(SETTINGS, *objects, now=now, unread=unread)


def jobs_of(exporter, coderun="c"):
    """The name of the Job or Pod of a run, "" if it has none, None if that is unknown."""
    found = [own["job_name"] for own, _ in exporter.values("coderun_job_name", coderun=coderun)]
    return found[0] if found else None


def since(exporter, coderun="c"):
    """The time since which a run has no Job or Pod, in seconds after CREATED."""
    found = exporter.values("coderun_without_job_since_timestamp_seconds", coderun=coderun)
    return [value - CREATED for _, value in found]


def causes(exporter, coderun="c"):
    """The stall causes of a run with their details."""
    return [(own["cause"], own["detail"]) for own, _ in exporter.values("coderun_stall_cause", coderun=coderun)]


def test_a_run_without_its_worker_run_is_reported():
    """It has the series of a run without a Job. `coderun_info` contains the kind of its worker."""
    exporter = an_exporter(a_claim(), a_sandbox())
    assert (jobs_of(exporter), since(exporter)) == ("", [0])
    assert exporter.values("coderun_job_creation_deadline_seconds", coderun="c")[0][1] == 600
    assert [own["worker"] for own, _ in exporter.values("coderun_info", coderun="c")] == ["Sandbox"]
    gone = an_exporter(a_claim(sandbox={"name": "s"}))
    assert causes(gone) == [("job_missing", "status names Sandbox s, which does not exist")]


def test_a_run_has_the_pod_of_its_worker_run():
    """The alerts about the Pod concern both runs. Its series name the run that controls it."""
    claim = a_claim()
    sandbox = a_sandbox(of=claim)
    exporter = an_exporter(claim, sandbox, a_pod("s", of=sandbox, created=stamp(CREATED)))
    assert jobs_of(exporter) == jobs_of(exporter, "sandbox/s") == "s"
    assert since(exporter) == []
    assert [own["coderun"] for own, _ in exporter.values("job_info")] == ["sandbox/s"]


def test_a_run_whose_worker_run_has_no_pod_has_the_same_cause():
    """The time is the later of both creation times."""
    claim = a_claim()
    exporter = an_exporter(claim, a_sandbox(of=claim, created=CREATED + 20))
    assert (jobs_of(exporter), since(exporter)) == ("", [20])
    assert causes(exporter) == causes(exporter, "sandbox/s")


@pytest.mark.parametrize(
    "sandbox",
    [
        a_sandbox(of=a_claim(), spec={"operatingMode": "Suspended"}),
        a_sandbox(of=a_claim(), reason="SandboxExpired"),
    ],
    ids=["waiting", "terminal"],
)
def test_a_worker_run_that_needs_no_pod_is_not_a_missing_worker(sandbox):
    """A suspended Sandbox has no Pod, and the Pod of an expired one was deleted."""
    exporter = an_exporter(a_claim(), sandbox)
    assert (jobs_of(exporter), since(exporter)) == (None, [])
    assert exporter.values("coderun_job_creation_deadline_seconds", coderun="c") == []


def test_while_worker_runs_or_their_pods_are_unknown_no_run_is_reported_without_one():
    """The other kind may be forbidden or not installed."""
    claim = a_claim()
    for unread, objects in ((("pods",), (a_sandbox(of=claim),)), (("coderuns",), ())):
        exporter = an_exporter(claim, *objects, unread=unread)
        if "coderuns" in unread:
            exporter.list_resource(0)
        assert (jobs_of(exporter), since(exporter)) == (None, [])


def test_while_worker_runs_cannot_be_watched_no_new_run_is_reported_without_one():
    """The worker run may exist by now. A run that had none before is still reported."""
    exporter = an_exporter(a_claim("old"))
    (index,) = [
        number for number, informer in enumerate(exporter.informers) if informer.status.resource == "sandboxes"
    ]
    exporter.fail(index, "unreachable")
    exporter.put(a_claim("new", created=CREATED + 50))
    assert (jobs_of(exporter, "old"), jobs_of(exporter, "new")) == ("", None)
    exporter.list_resource(index)
    assert (jobs_of(exporter, "old"), jobs_of(exporter, "new")) == ("", "")


def test_a_run_whose_worker_run_or_pod_was_deleted_has_none_since_then():
    """Its creation does not matter: a SandboxClaim may be days old."""
    claim = a_claim(created=CREATED - 500_000)
    sandbox = a_sandbox(of=claim, created=CREATED - 500_000)
    pod = a_pod("s", of=sandbox, created=stamp(CREATED - 500_000))
    for gone in ((sandbox,), (pod,), (pod, sandbox)):
        exporter = an_exporter(claim, sandbox, pod)
        exporter.advance(30)
        for item in gone:
            exporter.delete(item)
        assert since(exporter) == [90]


def test_objects_of_another_kind_or_namespace_are_not_workers_of_a_run():
    """Anyone who can create objects elsewhere can write any UID into an ownerReference."""
    claim = a_claim()
    foreign = a_sandbox(of=claim, namespace="m")
    exporter = an_exporter(claim, foreign, a_pod("p", of=foreign, created=stamp(CREATED), namespace="m"))
    assert jobs_of(exporter) == ""
    assert jobs_of(an_exporter(claim, a_pod("p", of=claim, created=stamp(CREATED)))) == ""


def test_the_order_of_lists_and_events_does_not_matter():
    """The exposition equals that after a single list."""
    claim = a_claim(sandbox={"name": "s"})
    sandbox = a_sandbox(of=claim)
    objects = (claim, sandbox, a_pod("s", of=sandbox, created=stamp(CREATED)))
    page = sorted(an_exporter(*objects).text().splitlines())
    for order in itertools.permutations(objects):
        exporter = an_exporter()
        exporter.put(*order)
        assert sorted(exporter.text().splitlines()) == page
        exporter.list_all()
        assert sorted(exporter.text().splitlines()) == page


def test_a_worker_run_that_a_run_adopts_belongs_to_that_run():
    """A Sandbox of a warm pool first has another controller."""
    claim, pool = a_claim(), an_object("Pool", "p", group="x", created=CREATED, status={})
    before, after = a_sandbox(of=pool), a_sandbox(of=claim)
    exporter = an_exporter(claim, before, a_pod("s", of=before, created=stamp(CREATED)))
    assert jobs_of(exporter) == ""
    exporter.put(after)
    assert jobs_of(exporter) == "s"
    exporter.put(before)
    assert (jobs_of(exporter), since(exporter)) == ("", [60])


def a_chain():
    """Three kinds of runs, each the worker of the one before. Runs of the third have Pods."""
    kinds = [("Top", "Middle"), ("Middle", "Bottom"), ("Bottom", "Pod")]
    return [
        Profile(
            resource=f"{kind.lower()}s.v1.example.com",
            kind=kind,
            state=(StateRule(open=("absent", "Running"), succeeded=("Completed",)),),
            worker=Worker(is_=worker),
        )
        for kind, worker in kinds
    ]


def a_link(kind, name, *, of=None, phase="Running"):
    """A run of one of the three kinds."""
    return an_object(kind, name, group="example.com", created=CREATED, status={"phase": phase}, of=of)


def test_worker_runs_can_have_worker_runs():
    """A worker run that has not finished has precedence over finished ones."""
    top = a_link("Top", "t")
    middle = a_link("Middle", "m", of=top)
    ended, works = a_link("Bottom", "b", of=middle, phase="Completed"), a_link("Bottom", "c", of=middle)
    pods = [a_pod(f"p{run['metadata']['name']}", of=run, created=stamp(CREATED)) for run in (ended, works)]
    exporter = ListedExporter(a_settings(*a_chain()), top, middle, ended, works, *pods, now=CREATED + 60)
    assert jobs_of(exporter, "t") == jobs_of(exporter, "middle/m") == "pc"
    exporter.delete(pods[1])
    assert (jobs_of(exporter, "t"), since(exporter, "t")) == ("", [60])
    exporter.put(a_link("Bottom", "c", of=middle, phase="Completed"))
    assert jobs_of(exporter, "t") == "pb"


def test_a_cycle_of_controllers_does_not_cause_a_loop():
    """Objects can have such ownerReferences. A cycle of kinds is an error of the settings."""
    first = a_link("Middle", "a")
    second = a_link("Middle", "b", of=first)
    first["metadata"]["ownerReferences"] = controlled_by(second)
    exporter = ListedExporter(a_settings(*a_chain()), first, second, now=CREATED)
    assert (jobs_of(exporter, "middle/a"), jobs_of(exporter, "middle/b")) == ("", "")


def test_with_only_in_the_profile_of_the_worker_no_worker_is_reported_missing():
    """The worker may be one of the objects that `only` excludes."""
    some = Profile(resource="sandboxes.v1beta1.agents.x-k8s.io", only={".metadata.labels.app": ("agents",)})
    exporter = ListedExporter(a_settings(CLAIMS, some), a_claim(), now=CREATED + 60)
    assert (jobs_of(exporter), since(exporter)) == (None, [])
