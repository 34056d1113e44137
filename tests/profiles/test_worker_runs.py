"""Runs whose worker is a run of another kind, such as the Sandbox of a SandboxClaim: the Pods of that run count."""

import itertools

import pytest

from exporter.config_file import ConfigError, load
from exporter.profiles import Profile
from exporter.profiles.language import StateRule, Worker
from exporter.rbac import Account, manifests
from tests.objects import CREATED, stamp
from tests.profiles.listed import Listed, a_pod, a_settings, controlled_by

CLAIMS, SANDBOXES = "sandboxclaims.extensions.agents.x-k8s.io", "sandboxes.agents.x-k8s.io"
SETTINGS = a_settings(CLAIMS, SANDBOXES)


def a_condition(reason, at=CREATED):
    """The condition Ready of a run that is not ready."""
    ready = {"type": "Ready", "status": "False", "reason": reason, "lastTransitionTime": stamp(at)}
    return {"conditions": [ready]}


def an_object(kind, name, *, group, created, status, of=None, namespace="n", spec=None):
    """A run of agent-sandbox."""
    meta = {"name": name, "namespace": namespace, "uid": f"{kind}-{name}", "creationTimestamp": stamp(created)}
    if of is not None:
        meta |= {"ownerReferences": controlled_by(of)}
    return {"apiVersion": f"{group}/v1beta1", "kind": kind, "metadata": meta, "spec": spec or {}, "status": status}


def a_claim(name="c", *, created=CREATED, **status):
    """A SandboxClaim that is not ready yet."""
    status = a_condition("DependenciesNotReady") | status
    return an_object("SandboxClaim", name, group="extensions.agents.x-k8s.io", created=created, status=status)


def a_sandbox(name="s", *, of=None, created=CREATED, reason="DependenciesNotReady", **other):
    """A Sandbox."""
    status = a_condition(reason, created)
    return an_object("Sandbox", name, group="agents.x-k8s.io", created=created, status=status, of=of, **other)


def made(*objects, unread=(), now=CREATED + 60):
    """What the exporter has read of these objects."""
    return Listed(SETTINGS, *objects, now=now, unread=unread)


def jobs_of(listed, coderun="c"):
    """The names of the Jobs or Pods that a run has; empty if it has none, None if it is not known."""
    found = [own["job_name"] for own, _ in listed.values("coderun_job_name", coderun=coderun)]
    return found[0] if found else None


def since(listed, coderun="c"):
    """Since when a run has no Job or Pod, in seconds after CREATED."""
    found = listed.values("coderun_without_job_since_timestamp_seconds", coderun=coderun)
    return [value - CREATED for _, value in found]


def causes(listed, coderun="c"):
    """Why it has none."""
    return [(own["cause"], own["detail"]) for own, _ in listed.values("coderun_stall_cause", coderun=coderun)]


def test_a_run_without_its_worker_run_is_reported():
    """It has the series of a run without a Job, and `coderun_info` names the kind that it needs."""
    listed = made(a_claim(), a_sandbox())
    assert (jobs_of(listed), since(listed)) == ("", [0])
    assert listed.values("coderun_job_creation_deadline_seconds", coderun="c")[0][1] == 600
    assert [own["worker"] for own, _ in listed.values("coderun_info", coderun="c")] == ["Sandbox"]
    gone = made(a_claim(sandbox={"name": "s"}))
    assert causes(gone) == [("job_missing", "status names Sandbox s, which does not exist")]


def test_a_run_has_the_pod_of_its_worker_run():
    """The alerts about this Pod concern both; it has one set of series, with the run that controls it."""
    claim = a_claim()
    sandbox = a_sandbox(of=claim)
    listed = made(claim, sandbox, a_pod("s", of=sandbox, created=stamp(CREATED)))
    assert jobs_of(listed) == jobs_of(listed, "sandbox/s") == "s"
    assert since(listed) == []
    assert [own["coderun"] for own, _ in listed.values("job_info")] == ["sandbox/s"]


def test_a_run_whose_worker_run_lacks_a_pod_lacks_one_for_the_same_cause():
    """Since the later of both creations."""
    claim = a_claim()
    listed = made(claim, a_sandbox(of=claim, created=CREATED + 20))
    assert (jobs_of(listed), since(listed)) == ("", [20])
    assert causes(listed) == causes(listed, "sandbox/s")


@pytest.mark.parametrize(
    "sandbox",
    [
        a_sandbox(of=a_claim(), spec={"operatingMode": "Suspended"}),
        a_sandbox(of=a_claim(), reason="SandboxExpired"),
    ],
    ids=["waiting", "terminal"],
)
def test_a_worker_run_that_needs_no_pod_is_no_missing_worker(sandbox):
    """A suspended Sandbox has none by design, and that of an expired one has been deleted."""
    listed = made(a_claim(), sandbox)
    assert (jobs_of(listed), since(listed)) == (None, [])
    assert listed.values("coderun_job_creation_deadline_seconds", coderun="c") == []


def test_a_run_never_lacks_a_worker_while_its_worker_runs_or_their_pods_are_unread():
    """An unknown is not a no: another kind may be forbidden, or not installed."""
    claim = a_claim()
    for unread, objects in ((("pods",), (a_sandbox(of=claim),)), (("coderuns",), ())):
        listed = made(claim, *objects, unread=unread)
        if "coderuns" in unread:
            listed.read(0)
        assert (jobs_of(listed), since(listed)) == (None, [])


def test_a_run_that_is_created_while_its_worker_runs_cannot_be_watched_lacks_none():
    """It may have one by now; those that lacked one before still do."""
    listed = made(a_claim("old"))
    (index,) = [number for number, feed in enumerate(listed.feeds) if feed.status.resource == "sandboxes"]
    listed.fail(index, "unreachable")
    listed.put(a_claim("new", created=CREATED + 50))
    assert (jobs_of(listed, "old"), jobs_of(listed, "new")) == ("", None)
    listed.read(index)
    assert (jobs_of(listed, "old"), jobs_of(listed, "new")) == ("", "")


def test_a_run_that_has_lost_its_worker_run_or_its_pod_lacks_it_since_then():
    """Its creation says nothing: a claim may be days old."""
    claim = a_claim(created=CREATED - 500_000)
    sandbox = a_sandbox(of=claim, created=CREATED - 500_000)
    pod = a_pod("s", of=sandbox, created=stamp(CREATED - 500_000))
    for gone in ((sandbox,), (pod,), (pod, sandbox)):
        listed = made(claim, sandbox, pod)
        listed.advance(30)
        for item in gone:
            listed.delete(item)
        assert since(listed) == [90]


def test_objects_of_another_kind_or_namespace_that_name_a_run_are_none_of_its_workers():
    """Whoever may create objects elsewhere can write any UID into an ownerReference."""
    claim = a_claim()
    foreign = a_sandbox(of=claim, namespace="m")
    listed = made(claim, foreign, a_pod("p", of=foreign, created=stamp(CREATED), namespace="m"))
    assert jobs_of(listed) == ""
    assert jobs_of(made(claim, a_pod("p", of=claim, created=stamp(CREATED)))) == ""


def test_the_order_of_lists_and_events_changes_nothing():
    """The page is that of a fresh list, whichever object comes first."""
    claim = a_claim(sandbox={"name": "s"})
    sandbox = a_sandbox(of=claim)
    objects = (claim, sandbox, a_pod("s", of=sandbox, created=stamp(CREATED)))
    page = sorted(made(*objects).text().splitlines())
    for order in itertools.permutations(objects):
        listed = made()
        listed.put(*order)
        assert sorted(listed.text().splitlines()) == page
        listed.list_all()
        assert sorted(listed.text().splitlines()) == page


def test_a_worker_run_that_is_adopted_by_a_run_works_for_it_from_then_on():
    """A Sandbox of a warm pool has another controller before."""
    claim, pool = a_claim(), an_object("Pool", "p", group="x", created=CREATED, status={})
    before, after = a_sandbox(of=pool), a_sandbox(of=claim)
    listed = made(claim, before, a_pod("s", of=before, created=stamp(CREATED)))
    assert jobs_of(listed) == ""
    listed.put(after)
    assert jobs_of(listed) == "s"
    listed.put(before)
    assert (jobs_of(listed), since(listed)) == ("", [60])


def a_chain():
    """Three kinds of runs: the third has Pods."""
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
    """A run of the chain."""
    return an_object(kind, name, group="example.com", created=CREATED, status={"phase": phase}, of=of)


def test_worker_runs_may_have_worker_runs():
    """Of several, one that works counts before those that have ended."""
    top = a_link("Top", "t")
    middle = a_link("Middle", "m", of=top)
    ended, works = a_link("Bottom", "b", of=middle, phase="Completed"), a_link("Bottom", "c", of=middle)
    pods = [a_pod(f"p{run['metadata']['name']}", of=run, created=stamp(CREATED)) for run in (ended, works)]
    listed = Listed(a_settings(*a_chain()), top, middle, ended, works, *pods, now=CREATED + 60)
    assert jobs_of(listed, "t") == jobs_of(listed, "middle/m") == "pc"
    listed.delete(pods[1])
    assert (jobs_of(listed, "t"), since(listed, "t")) == ("", [60])
    listed.put(a_link("Bottom", "c", of=middle, phase="Completed"))
    assert jobs_of(listed, "t") == "pb"


def test_runs_that_name_each_other_as_controllers_are_read():
    """A ring of objects is possible; a ring of kinds is an error of the settings."""
    first = a_link("Middle", "a")
    second = a_link("Middle", "b", of=first)
    first["metadata"]["ownerReferences"] = controlled_by(second)
    listed = Listed(a_settings(*a_chain()), first, second, now=CREATED)
    assert (jobs_of(listed, "middle/a"), jobs_of(listed, "middle/b")) == ("", "")


def loaded(tmp_path, text):
    """The settings with these kinds."""
    path = tmp_path / "exporter.yml"
    path.write_text(f"coderuns:\n  kinds:\n{text}")
    return load(str(path))


INLINE = "  - {resource: tops.v1.example.com, kind: Top, worker: {is: %s}}\n"
SEVERAL = """  - resource: tops.v1.example.com
    kind: Top
    worker:
    - {is: none, when: {.a: [b]}}
    - is: Sandbox
"""
OR_NONE = "or set worker to {is: none}"
TWO_TASKS = "tasks.kelos.dev or tasks.kubeopencode.io"
TASKS = "  - tasks.kelos.dev\n  - tasks.kubeopencode.io\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            f"  - {CLAIMS}\n",
            f"3: coderuns.kinds.0: Sandbox is not read: add {SANDBOXES} to coderuns.kinds, {OR_NONE}",
        ),
        (
            SEVERAL,
            f"7: coderuns.kinds.0.worker.1.is: Sandbox is not read: add {SANDBOXES} to coderuns.kinds, {OR_NONE}",
        ),
        (
            f"  - {SANDBOXES}\n" + INLINE % "Sandbx",
            "4: coderuns.kinds.1.worker.is: 'Sandbx' cannot be listed; did you mean Sandbox?",
        ),
        (
            INLINE % "sandboxs.agents.x-k8s.io",
            f"3: coderuns.kinds.0.worker.is: 'sandboxs.agents.x-k8s.io' cannot be listed; did you mean {SANDBOXES}?",
        ),
        (
            TASKS + INLINE % "Task",
            f"5: coderuns.kinds.2.worker.is: several kinds are called Task: write {TWO_TASKS}",
        ),
        (
            INLINE % "Top",
            "3: coderuns.kinds.0.worker: the runs of tops.example.com would be workers of each other",
        ),
    ],
)
def test_a_worker_run_that_cannot_be_read_is_one_line(tmp_path, text, line):
    """With the kind to add, or the nearest name."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert str(caught.value) == f"{tmp_path}/exporter.yml:{line}"


@pytest.mark.parametrize("text", [f"  - {CLAIMS}\n  - {SANDBOXES}\n", TASKS + INLINE % "tasks.kelos.dev"])
def test_a_worker_may_be_named_by_its_kind_or_by_plural_group(tmp_path, text):
    """The latter where two kinds have one name."""
    loaded(tmp_path, text)


def test_the_permissions_are_those_of_the_kinds_and_of_their_pods():
    """Nothing is read of other resources."""
    made_for = manifests(SETTINGS, account=Account())
    rules = [(rule["apiGroups"], rule["resources"], rule["verbs"]) for rule in made_for[0]["rules"]]
    read = ["list", "watch"]
    assert sorted(rules) == [
        ([""], ["pods"], read),
        (["agents.x-k8s.io"], ["sandboxes"], read),
        (["batch"], ["jobs"], read),
        (["events.k8s.io"], ["events"], read),
        (["extensions.agents.x-k8s.io"], ["sandboxclaims"], read),
    ]


def test_a_kind_of_which_only_some_objects_are_runs_hides_no_worker():
    """The others may be the workers: none can be reported to be missing."""
    some = Profile(resource="sandboxes.v1beta1.agents.x-k8s.io", only={".metadata.labels.app": ("agents",)})
    listed = Listed(a_settings(CLAIMS, some), a_claim(), now=CREATED + 60)
    assert (jobs_of(listed), since(listed)) == (None, [])
