"""The shipped policy for Argo Workflows on a real API server."""

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab import fast_yaml
from lab.components import CLUSTER
from lab.controlplane.plane import ControlPlane
from lab.waiting import until
from tests.integration import policies
from tests.integration.policies import OPT_OUT, Response, namespace_of

pytestmark = [pytest.mark.needs(*CLUSTER), pytest.mark.timeout(120)]

EXAMPLE = pathlib.Path(__file__).parents[2] / "deploy/examples/play-template.yaml"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "argoproj.io"
SCOPES = {
    "WorkflowTemplate": "Namespaced",
    "ClusterWorkflowTemplate": "Cluster",
    "CronWorkflow": "Namespaced",
    "Workflow": "Namespaced",
}
MANIFEST = "apiVersion: agents.platform/v1\nkind: CodeRun\nmetadata:\n  generateName: play-\n"
PADDING_LINE = "    # nothing that anybody would have to read, at a length that is usual for lines of a manifest\n"
WAITING_RESOURCE = {"action": "create", "successCondition": "status.phase == Succeeded", "manifest": MANIFEST}
STEP = {"name": "create-coderun", "resource": WAITING_RESOURCE}
GET_AT_ONCE = {"name": "get", "resource": {"action": "get", "manifest": MANIFEST}}
"""A step that gets a run and does not wait for it."""
SUSPEND = {"name": "wait-for-a-person", "suspend": {}}
ADVICE = (
    ": templates without a time limit create or await runs: create-coderun. If such a run never gets its Job, the"
    " step waits for ever. Set timeout on the template, for example 4200s: 10 min for the Job to be made, 1 h for it"
    " to run"
)

Send = Callable[..., Response]


def crd(kind: str) -> dict[str, Any]:
    """A CustomResourceDefinition of Argo that accepts any content."""
    names = {"plural": f"{kind.lower()}s", "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": schema}
    spec = {"group": GROUP, "scope": SCOPES[kind], "names": names, "versions": [version]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names['plural']}.{GROUP}"},
        "spec": spec,
    }


def workflow(kind: str = "WorkflowTemplate", **spec: Any) -> dict[str, Any]:
    """A Workflow, or an object from which Workflows are created."""
    return {"apiVersion": f"{GROUP}/v1alpha1", "kind": kind, "metadata": {"name": "play"}, "spec": spec}


def path_of(kind: str, *, namespace: str) -> str:
    """The path of a list of this kind."""
    space = f"/namespaces/{namespace}" if SCOPES[kind] == "Namespaced" else ""
    return f"/apis/{GROUP}/v1alpha1{space}/{kind.lower()}s"


def manifest(text: str, **resource: Any) -> dict[str, Any]:
    """A step that creates the objects of this manifest."""
    return {**STEP, "resource": WAITING_RESOURCE | {"manifest": text} | resource}


def has_warning(answer: Response) -> bool:
    """Whether the response has a warning of the policy. The object must be admitted in any case."""
    assert answer.code in {200, 201}, answer.body
    return any("'workflow-run-limits'" in text for text in answer.warnings)


@pytest.fixture(scope="module")
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace with the policy, in a cluster with the CRDs of Argo."""
    name = namespace_of(control_plane)
    made = [kind for kind in SCOPES if control_plane.request("POST", CRDS, crd(kind))[0] == 201]
    for kind in SCOPES:
        path = path_of(kind, namespace=name)
        until(lambda path=path: control_plane.request("GET", path)[0] == 200, what=f"{kind}s are served")
    with policies.applied(control_plane, "workflow-templates.yaml", namespaces=[name]):
        path = path_of("WorkflowTemplate", namespace=name)
        until(
            lambda: policies.ask(control_plane, "POST", path, workflow(templates=[STEP])).warnings, what="a warning"
        )
        yield name
    for kind in made:
        control_plane.request("DELETE", f"{CRDS}/{crd(kind)['metadata']['name']}")


@pytest.fixture
def send(control_plane: ControlPlane, namespace: str) -> Send:
    """Sends an object to the API server as a dry run. Returns the response."""

    def create(item: dict[str, Any], **options: Any) -> Response:
        return policies.ask(control_plane, "POST", path_of(item["kind"], namespace=namespace), item, **options)

    return create


def test_a_step_that_creates_a_run_without_a_limit_causes_a_warning(send: Send, namespace: str):
    """The object is admitted. The line has the object, the template, the problem and what to set."""
    prefix = (
        "Validation failed for ValidatingAdmissionPolicy 'workflow-run-limits' with binding 'workflow-run-limits': "
    )
    answer = send(workflow(templates=[SUSPEND, STEP]))
    assert (answer.code, answer.warnings) == (201, [f"{prefix}WorkflowTemplate {namespace}/play{ADVICE}"])


@pytest.mark.parametrize(
    "spec",
    [
        {"templates": [STEP | {"activeDeadlineSeconds": 4200}]},
        {"templates": [STEP | {"activeDeadlineSeconds": "{{inputs.parameters.limit}}"}]},
        {"templates": [STEP | {"timeout": "70m"}]},
        {"templates": [STEP], "templateDefaults": {"activeDeadlineSeconds": 4200}},
        {"templates": [STEP], "templateDefaults": {"timeout": "70m"}},
    ],
    ids=["deadline", "deadline by parameter", "timeout", "default deadline", "default timeout"],
)
def test_a_step_with_its_own_time_limit_causes_no_warning(send: Send, spec: dict[str, Any]):
    """Argo has several fields that end a waiting template."""
    assert not has_warning(send(workflow(**spec)))


@pytest.mark.parametrize(
    "spec",
    [
        {"templates": [STEP], "activeDeadlineSeconds": 1209600},
        {"templates": [STEP | {"retryStrategy": {"limit": "10", "backoff": {"maxDuration": "10m"}}}]},
        {"templates": [STEP], "templateDefaults": {"metadata": {}}},
    ],
    ids=["limit of the whole workflow", "retryStrategy", "defaults without a limit"],
)
def test_other_limits_do_not_count(send: Send, spec: dict[str, Any]):
    """The limit of a workflow includes suspend steps, so it may be days. Retries do not end a waiting step."""
    assert has_warning(send(workflow(**spec)))


def test_a_suspend_step_causes_no_warning(send: Send):
    """It waits for a user for any time."""
    assert not has_warning(send(workflow(templates=[SUSPEND])))


@pytest.mark.parametrize(
    ("step", "is_run"),
    [
        (manifest('{"apiVersion":"agents.platform/v1","kind":"CodeRun"}'), True),
        (manifest("metadata: {}\nkind:   'DocsRun'  # of the docs\n"), True),
        (manifest(MANIFEST, action="apply"), True),
        (manifest(MANIFEST, action="get"), True),
        (manifest(MANIFEST, action="get", successCondition=None, failureCondition="status.phase == Failed"), True),
        (GET_AT_ONCE, False),
        (manifest("kind: CodeRunTemplate\n"), False),
        (manifest("kind: ConfigMap\ndata: {about: CodeRun}\n"), False),
        ({"name": "script", "script": {"source": "kubectl create CodeRun # kind: CodeRun"}}, False),
    ],
    ids=[
        "JSON",
        "DocsRun",
        "apply",
        "get",
        "get, failure",
        "get at once",
        "another kind",
        "only mentioned",
        "a script",
    ],
)
def test_a_step_that_creates_or_awaits_a_run_is_recognized(send: Send, step: dict[str, Any], is_run: bool):
    """The policy reads the action, the conditions, and the kind in the manifest in any notation."""
    assert has_warning(send(workflow(templates=[step]))) is is_run


@pytest.mark.parametrize("kind", ["ClusterWorkflowTemplate", "Workflow"])
def test_templates_of_other_kinds_are_checked(send: Send, kind: str):
    """ClusterWorkflowTemplates and Workflows have the same fields."""
    assert has_warning(send(workflow(kind, templates=[STEP])))


def test_the_workflow_in_a_cron_workflow_is_checked(send: Send):
    """Its templates are one level deeper."""
    assert has_warning(send(workflow("CronWorkflow", schedule="0 3 * * *", workflowSpec={"templates": [STEP]})))
    bounded = [STEP | {"activeDeadlineSeconds": 4200}]
    assert not has_warning(send(workflow("CronWorkflow", schedule="0 3 * * *", workflowSpec={"templates": bounded})))


def test_a_workflow_from_a_template_causes_no_warning(send: Send):
    """The user who starts it has not written the template."""
    assert not has_warning(send(workflow("Workflow", workflowTemplateRef={"name": "play"})))


def test_a_template_opts_out_by_its_annotation(send: Send):
    """The annotation is that for Jobs."""
    item = workflow(templates=[STEP])
    item["metadata"]["annotations"] = OPT_OUT
    assert not has_warning(send(item))


@pytest.mark.parametrize(
    "spec",
    [
        {"templates": 7},
        {"templates": {"a": 1}},
        {"templates": [1, "x", None]},
        {"templates": [{"name": "x", "resource": "create"}]},
        {"templates": [{"name": "x", "resource": {"action": 7, "manifest": {"kind": "CodeRun"}}}]},
        {"templates": [manifest("kind: ConfigMap # no Run\n" + PADDING_LINE * 7_000)] * 2},
    ],
    ids=["a number", "no list", "no templates", "no resource", "no text", "more than CEL's budget"],
)
def test_a_failing_policy_admits_the_template(send: Send, spec: dict[str, Any]):
    """With invalid fields or 1.3 MB of manifests, the template is not denied and causes no warning."""
    assert not has_warning(send(workflow(**spec)))


@pytest.mark.parametrize("count", [1, 50, 1000])
def test_a_template_of_300_kb_is_checked(send: Send, count: int):
    """The cost limit of CEL is sufficient for any number of steps. Here the last step creates a run."""
    padding = PADDING_LINE * (300_000 // len(PADDING_LINE) // count)
    steps = [manifest(f"kind: ConfigMap # no Run\n{padding}") for _ in range(count - 1)]
    assert has_warning(send(workflow(templates=[*steps, manifest(MANIFEST + padding)])))


def test_a_message_without_room_has_no_names_of_templates(send: Send):
    """A message has at most 5 kB."""
    steps = [STEP | {"name": f"create-coderun-{number}"} for number in range(500)]
    (text,) = send(workflow(templates=steps)).warnings
    assert text.endswith(": templates without a time limit create or await runs. Set timeout on each")


def test_a_changed_template_causes_a_warning_and_a_running_workflow_does_not(
    control_plane: ControlPlane, send: Send, namespace: str
):
    """Argo updates a Workflow with each step."""
    warnings = {}
    for kind in ("WorkflowTemplate", "Workflow"):
        path = f"{path_of(kind, namespace=namespace)}/play"
        assert send(workflow(kind, templates=[STEP]), dry=False).code == 201
        change = {"spec": {"changed": True}}
        warnings[kind] = has_warning(
            policies.ask(control_plane, "PATCH", path, change, content_type="application/merge-patch+json")
        )
        control_plane.request("DELETE", path)
    assert warnings == {"WorkflowTemplate": True, "Workflow": False}


def test_the_example_is_applied_without_a_warning_and_without_its_limits_with_one(send: Send):
    """The API server accepts it, and the policy finds both steps of the platform's own template."""
    item = fast_yaml.load(EXAMPLE.read_text("utf-8"))
    item["metadata"].pop("namespace")
    assert not has_warning(send(item))
    for template in item["spec"]["templates"]:
        template.pop("timeout", None)
    (text,) = send(item).warnings
    assert "create or await runs: create-coderun-resource, wait-coderun-completion. " in text
