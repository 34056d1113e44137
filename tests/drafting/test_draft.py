"""A draft contains what the CRD and its objects show. A comment names each decision that is left to the user."""

import pytest

from exporter.drafting import DraftError
from tests.drafting.drafts import a_crd, a_run, draft_of, read

TEXT = {"type": "string"}
PHASES = {"type": "string", "enum": ["Queued", "Running", "Done", "Crashed", "Stopped", "Odd"]}
STATUS = {"type": "object", "properties": {"phase": PHASES, "jobName": TEXT, "completionTime": TEXT, "message": TEXT}}
SPEC = {
    "type": "object",
    "properties": {
        "agentRef": {"type": "object", "properties": {"name": TEXT}},
        "model": TEXT,
        "git": {"type": "object", "properties": {"repository": TEXT}},
        "image": {"type": "object", "properties": {"repository": TEXT}},
        "apiKey": TEXT,
        "suspend": {"type": "boolean"},
    },
}


def a_worker_pod(kind="AgentTask", group="example.com", *, controller=True, container="main"):
    """A Pod with an owner of this kind."""
    owner = {"apiVersion": f"{group}/v1", "kind": kind, "controller": controller}
    return {"metadata": {"ownerReferences": [owner]}, "spec": {"containers": [{"name": container}]}}


def test_a_schema_alone_gives_a_complete_profile(tmp_path):
    """States come from the enum, and fields from their names. Fields of images and credentials are not used."""
    text = draft_of(a_crd(properties={"spec": SPEC, "status": STATUS}))
    assert read(text, tmp_path)[1] == {
        "resource": "agenttasks.v1.example.com",
        "kind": "AgentTask",
        "state": [
            {
                "path": ".status.phase",
                "waiting": ["Queued"],
                "succeeded": ["Done"],
                "failed": ["Crashed"],
                "cancelled": ["Stopped"],
            },
            {"path": ".spec.suspend", "waiting": [True]},
            {"path": ".status.phase", "open": ["absent", "Running"]},
        ],
        "worker": {"is": "Job", "reported": ".status.jobName"},
        "times": {"finished": ".status.completionTime"},
        "about": {
            "agent": ".spec.agentRef.name",
            "model": ".spec.model",
            "repository": ".spec.git.repository",
            "message": ".status.message",
        },
    }
    assert "# decide: not listed, such runs are open: Odd 0" in text
    assert "# decide: no Job or Pod with an owner of kind AgentTask was found; its status names a Job" in text


def test_the_profile_has_only_what_the_draft_contains(tmp_path):
    """No key is inherited from the default profile, which is for kinds without a shipped profile."""
    profile, own = read(draft_of(a_crd(properties={})), tmp_path)
    assert own["times"] == own["about"] == {}
    assert own["worker"] == {"is": "none"}
    assert not any(getattr(profile.about, name) for name in profile.about.__struct_fields__)


def test_values_of_objects_complete_a_schema_without_an_enum(tmp_path):
    """Missing usual phases are added in the spelling of the objects. Values in no rule are counted."""
    runs = [a_run(status={"phase": phase}) for phase in ("running", "running", "paused", "pondering", "")]
    text = draft_of(a_crd(properties={"status": {"type": "object", "properties": {"phase": TEXT}}}), *runs)
    (rule,) = read(text, tmp_path)[1]["state"]
    assert rule == {
        "path": ".status.phase",
        "waiting": ["paused"],
        "open": ["absent", "running", "pending"],
        "succeeded": ["succeeded"],
        "failed": ["failed"],
    }
    assert "# .status.phase: running 2, paused 1, pondering 1, no value 1" in text
    assert "# decide: not listed, such runs are open: pondering 1" in text
    assert "# decide: the CRD does not list the values of .status.phase: complete them" in text


def test_a_condition_decides_only_if_it_says_more_than_the_phase(tmp_path):
    """A user may have stopped a run whose phase is Done. The condition Failed adds nothing to the phase Crashed."""

    def run(phase, kind, reason):
        return a_run(status={"phase": phase, "conditions": [{"type": kind, "status": "True", "reason": reason}]})

    crd = a_crd(properties={"status": STATUS})
    text = draft_of(crd, run("Done", "Stopped", "UserStopped"), run("Done", "Stopped", "Timeout"))
    assert read(text, tmp_path)[1]["state"][0] == {
        "path": ".status.conditions[?(@.type=='Stopped')].reason",
        "failed": ["Timeout"],
        "cancelled": ["UserStopped"],
    }
    text = draft_of(crd, run("Crashed", "Failed", "JobFailed"))
    assert [rule["path"] for rule in read(text, tmp_path)[1]["state"]] == [".status.phase"]
    assert "# conditions: Failed=True JobFailed 1" in text


def test_without_a_phase_conditions_decide(tmp_path):
    """The status of a condition decides if its type is a result. A printer column is enough to know the condition."""
    column = {"name": "Succeeded", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Succeeded")].status'}
    profile = read(draft_of(a_crd(properties={}, columns=[column])), tmp_path)[1]
    path = ".status.conditions[?(@.type=='Succeeded')]"
    assert profile["state"] == [
        {"path": f"{path}.status", "open": ["absent", "Unknown"], "succeeded": ["True"], "failed": ["False"]}
    ]
    assert profile["times"] == {"finished": f"{path}.lastTransitionTime"}
    assert profile["about"] == {"message": f"{path}.message"}


def test_the_worker_is_the_object_that_runs_control(tmp_path):
    """The ownerReference of the controller decides. Pods of other kinds or groups do not count."""
    crd = a_crd(properties={"status": {"type": "object", "properties": {"podName": TEXT, "jobName": TEXT}}})
    others = [
        a_worker_pod(kind="Other"),
        a_worker_pod(group="other.com"),
        a_worker_pod(controller=False),
        {"metadata": None},
        None,
    ]
    text = draft_of(crd, workers=[("Pod", one) for one in [a_worker_pod(), a_worker_pod(), *others]])
    assert read(text, tmp_path)[1]["worker"] == {
        "is": "Pod",
        "reported": ".status.podName",
        "container": "main",
    }
    assert "# 2 Pods with an owner of kind AgentTask; first container: main" in text
    text = draft_of(crd, workers=[("Pod", a_worker_pod()), ("Job", a_worker_pod()), ("Job", a_worker_pod())])
    assert read(text, tmp_path)[1]["worker"]["is"] == "Job"
    assert "2 Jobs, 1 Pod with an owner of kind AgentTask; decide: which of them works" in text
    text = draft_of(
        crd, workers=[("Sandbox", a_worker_pod()), ("Widget", a_worker_pod()), ("Widget", a_worker_pod())]
    )
    assert read(text, tmp_path)[1]["worker"] == {"is": "none"}
    assert "not used: 'Widget' cannot be listed" in text


def a_labelled_pod(*keys, container="main"):
    """A Pod of a run, with these labels."""
    found = a_worker_pod(container=container)
    return found | {"metadata": found["metadata"] | {"labels": dict.fromkeys(keys, "x")}}


@pytest.mark.parametrize(
    ("pods", "selector"),
    [
        ([("example.com/agenttask", "example.com/a", "app")] * 2, "example.com/agenttask"),
        ([("example.com/b", "example.com/a"), ("example.com/b",)], "example.com/b"),
        ([("example.com/a",), ()], None),
        ([("app.kubernetes.io/name", "app")] * 2, None),
        ([("example.com/a,b in (c)",)] * 2, None),
    ],
)
def test_pods_are_selected_by_a_label_of_the_platform_on_all_pods(tmp_path, pods, selector):
    """Other labels may be missing on the next Pod, and a wrong selector would hide Pods."""
    text = draft_of(a_crd(properties={}), workers=[("Pod", a_labelled_pod(*keys)) for keys in pods])
    assert read(text, tmp_path)[1]["worker"].get("selector") == selector
    assert ("# may be set: worker.selector, long_lived; see docs/profiles.md" in text) == (selector is None)


def test_the_main_container_is_set_only_if_all_workers_agree(tmp_path):
    """A name that the API server would reject is not used."""
    for names, container in ((("a", "a"), "a"), (("a", "b"), None), (("A_B",), None)):
        pods = [("Pod", a_worker_pod(container=name)) for name in names]
        worker = read(draft_of(a_crd(properties={}), workers=pods), tmp_path)[1]["worker"]
        assert (worker["is"], worker.get("container")) == ("Pod", container)


def test_a_ready_condition_beside_a_phase_is_only_proposed(tmp_path):
    """The user decides whether such runs are long-lived. A condition with a result shows that they end."""
    ready = {"type": "Ready", "status": "True", "reason": "Up"}
    text = draft_of(a_crd(properties={"status": STATUS}), a_run(status={"phase": "Running", "conditions": [ready]}))
    assert "ready" not in read(text, tmp_path)[1]
    assert "# may be set: worker.container, ready (there is a condition Ready), long_lived; see docs/" in text
    done = {"type": "Succeeded", "status": "True", "reason": "Done"}
    text = draft_of(a_crd(properties={}), a_run(status={"conditions": [ready, done]}))
    assert "long_lived" not in read(text, tmp_path)[1]


def test_fields_are_ordered_by_the_objects_that_have_them(tmp_path):
    """A path is an alternative only if the first path has no value in some object."""
    crd = a_crd(properties={"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}})
    runs = [a_run(spec={"worker": {"model": "m", "type": "codex"}}) for _ in range(3)]
    runs += [a_run(spec={"model": "m", "llm": "m"}, labels={"acme.io/agent": "rex"})]
    text = draft_of(crd, *runs)
    about = read(text, tmp_path)[1]["about"]
    assert about["model"] == [".spec.worker.model", ".spec.model"]
    assert about["cli"] == ".spec.worker.type"  # its values are names of CLIs
    assert about["agent"] == r".metadata.labels.acme\.io/agent"
    assert "# labels: acme.io/agent 1" in text


def test_the_version_is_the_served_one_that_kubectl_prefers(tmp_path):
    """A requested version is used if it is served."""
    crd = a_crd(properties={})
    names = {"v1beta1": True, "v2alpha1": True, "v1": False, "v2": True, "v10": False, "odd": True}
    crd["spec"]["versions"] = [{"name": name, "served": served} for name, served in names.items()]
    assert read(draft_of(crd), tmp_path)[0].version == "v2"
    assert "(v2; also served: odd, v1beta1, v2alpha1)" in draft_of(crd)
    assert read(draft_of(crd, version="v1beta1"), tmp_path)[0].version == "v1beta1"
    profile, own = read(draft_of(crd, version="odd"), tmp_path)
    assert (profile.version, own["version"], "resource" in own) == ("odd", "odd", False)
    with pytest.raises(DraftError, match="version v1 is not served; served: v2, v1beta1, v2alpha1, odd"):
        draft_of(crd, version="v1")
