"""The audit of Argo WorkflowTemplates: from a WorkflowTemplate as JSON to exposition text."""

import pathlib
import re
import tracemalloc

import pytest

from exporter.kube.decode import Decoder
from exporter.resources import workflow_templates
from exporter.resources.wanted import WatchConfig
from exporter.resources.workflow_manifests import Reference, reference_in, replace_tags, run_kind_of
from exporter.resources.workflow_templates import WireWorkflowTemplate, workflow_template_from_object
from lab import fast_yaml
from tests.harness import CODERUN, DOCSRUN, exposition_of, samples
from tests.objects import raw
from tests.workflows import CREATE, WAIT, a_workflow_template

NAME = "workflow_template_unbounded_step"


def unbounded(*templates, **spec):
    """The names of the unbounded templates of a WorkflowTemplate."""
    wire, _ = Decoder(WireWorkflowTemplate).decode(raw(a_workflow_template(*templates, **spec)))
    return list(workflow_template_from_object(wire, kinds=(CODERUN, DOCSRUN)).unbounded)


def with_resource(template, **fields):
    """The template, with other fields of its resource; None removes a field."""
    merged = {**template["resource"], **fields}
    return {**template, "resource": {key: value for key, value in merged.items() if value is not None}}


def test_the_templates_of_the_platform_have_no_time_limit():
    """Neither the one that creates a run, nor the one that waits for it: its retryStrategy is no time limit."""
    exposition = exposition_of(
        a_workflow_template(CREATE, WAIT, {"name": "suspend-for-event", "suspend": {}}), has_workflows=True
    )
    assert samples(exposition, NAME) == [
        f'{NAME}{{namespace="n",template="play-workflow-template",step="{name}"}} 1'
        for name in ("create-coderun-resource", "wait-coderun-completion")
    ]


@pytest.mark.parametrize(
    "limit",
    [
        {"timeout": "70m"},
        {"timeout": "{{inputs.parameters.timeout}}"},
        {"activeDeadlineSeconds": 4200},
        {"activeDeadlineSeconds": "{{workflow.parameters.limit}}"},
    ],
)
def test_a_time_limit_bounds_a_template(limit):
    """On the template, or on templateDefaults."""
    assert unbounded({**CREATE, **limit}, WAIT) == ["wait-coderun-completion"]
    assert unbounded(CREATE, WAIT, templateDefaults=limit) == []


@pytest.mark.parametrize(
    ("limit", "spec"),
    [
        ({"activeDeadlineSeconds": 0}, {}),
        ({"activeDeadlineSeconds": None, "timeout": ""}, {}),
        ({"retryStrategy": {"limit": 10, "backoff": {"maxDuration": "10m"}}}, {}),
        ({}, {"activeDeadlineSeconds": 600}),
        ({}, {"templateDefaults": {"retryStrategy": {"limit": 1}}}),
    ],
)
def test_these_are_no_time_limit_of_a_step(limit, spec):
    """The limit of the workflow includes suspend steps; a retry limits retries and not the wait."""
    assert unbounded({**CREATE, **limit}, **spec) == ["create-coderun-resource"]


@pytest.mark.parametrize(
    "template",
    [
        with_resource(WAIT, successCondition=None, failureCondition=None),
        with_resource(CREATE, action="delete"),
        with_resource(CREATE, manifest="kind: ConfigMap\ndata: {x: 'kind: CodeRun'}\n"),
        with_resource(CREATE, manifest="apiVersion: example.com/v1\nkind: CodeRun\n"),
        with_resource(CREATE, manifest=None),
        {"name": "c", "container": {"image": "busybox"}},
        {"name": "s", "suspend": {}},
    ],
)
def test_other_templates_wait_for_no_run(template):
    """A `get` without a condition returns at once. The kind of another group is another kind."""
    assert unbounded(template) == []


@pytest.mark.parametrize(
    "template",
    [
        with_resource(WAIT, failureCondition=None),
        with_resource(WAIT, successCondition=None),
        with_resource(CREATE, action="apply"),
        with_resource(CREATE, successCondition=None, failureCondition=None),
        with_resource(CREATE, manifest="kind: DocsRun\n"),
    ],
)
def test_these_templates_need_a_time_limit(template):
    """One condition is enough to wait. A step that creates a run also waits for its pod."""
    assert unbounded(template) == [template["name"]]


def test_inline_templates_are_read_in_steps_and_in_dags():
    """Their name is that of their step, after that of the template. A template may refer to itself."""
    inner = {"steps": [[{"name": "deep", "inline": CREATE}, {"name": "loop", "template": "main"}]]}
    main = {
        "name": "main",
        "steps": [[{"name": "a", "inline": CREATE}], [{"name": "b", "inline": inner}]],
        "dag": {"tasks": [{"name": "c", "inline": WAIT}, {"name": "d", "inline": {**CREATE, "timeout": "10m"}}]},
    }
    assert unbounded(main) == ["main.a", "main.b.deep", "main.c"]


def test_the_depth_and_the_number_of_templates_are_limited():
    """Ten levels of inline templates, and a hundred names."""
    nested = CREATE
    for _ in range(11):
        nested = {"name": "n", "steps": [[{"name": "s", "inline": nested}]]}
    assert unbounded(nested) == []
    assert len(unbounded(*({**CREATE, "name": f"t{number}"} for number in range(150)))) == 100


@pytest.mark.parametrize("spec", [7, {"templates": 7}, {"templates": [7, {"name": 7, "steps": [7, [[]]], "dag": 7}]}])
def test_a_malformed_template_is_read_field_by_field(spec):
    """Nothing is raised."""
    wire, is_valid = Decoder(WireWorkflowTemplate).decode(raw({**a_workflow_template(), "spec": spec}))
    assert not is_valid
    assert workflow_template_from_object(wire, kinds=(CODERUN,)).name == "play-workflow-template"


@pytest.mark.parametrize(
    ("manifest", "reference"),
    [
        (
            '{"apiVersion": "a.b/v1", "kind": "CodeRun", "metadata": {"labels": {"x/name": "no"}, "name": "r"}}',
            Reference("CodeRun", "a.b", "r"),
        ),
        (
            "metadata:\n  labels:\n    name: no\n  name: 'r' # comment\nkind: CodeRun\napiVersion: v1\n",
            Reference("CodeRun", "", "r"),
        ),
        (
            "  kind: CodeRun\n  metadata:\n    generateName: t-{{inputs.parameters.id}}-\n    namespace: n\n",
            Reference("CodeRun", "", "t-{{inputs.parameters.id}}-", is_prefix=True),
        ),
        ("kind: List\nitems:\n- kind: CodeRun\n", Reference("List")),
        ("{{=inputs.parameters.manifest}}", Reference()),
        ("", Reference()),
    ],
)
def test_the_object_in_a_manifest(manifest, reference):
    """In YAML with tags, which no YAML parser reads, and in JSON."""
    assert reference_in(manifest) == reference


def test_a_manifest_of_any_text_takes_linear_time():
    """Only its first 64 KiB are searched."""
    for text in ('"' * 10**6, "{{" * 10**6, "kind:" * 10**6, "metadata:\n" + " \n" * 10**6, "name" * 10**6):
        assert reference_in(text).name == ""


def test_large_manifests_are_not_kept():
    """Only their beginning, of as many as a platform has."""
    tracemalloc.start()
    try:
        for number in range(200):
            reference_in(f"kind: A{number}\n" + "x" * (1 << 20))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 16 << 20


def test_a_group_that_is_a_tag_may_be_that_of_any_kind():
    """The value is known only when the step runs."""
    assert run_kind_of(Reference("CodeRun", "{{workflow.parameters.group}}"), (DOCSRUN, CODERUN)) is CODERUN
    assert run_kind_of(Reference("Job", "{{workflow.parameters.group}}"), (CODERUN,)) is None


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("a-{{inputs.parameters.x}}", ("a-1", True)),
        ("a-{{ inputs.parameters.x }}-{{workflow.name}}-b", ("a-1-", False)),
        ("{{=asInt(x)}}", ("", False)),
        ("plain", ("plain", True)),
    ],
)
def test_tags_are_replaced_up_to_the_first_unknown_one(text, result):
    """A value is inserted once: tags in it are not replaced."""
    assert replace_tags(text, {"x": "1"}) == result


def test_the_lists_are_optional_and_off_by_default():
    """A missing CRD or permission is only a state."""
    assert workflow_templates.RESOURCE.lists(WatchConfig(kinds=(CODERUN,))) == []
    (watch,) = workflow_templates.RESOURCE.lists(WatchConfig(kinds=(CODERUN,), workflows=True))
    assert (watch.path, watch.optional, watch.custom) == (
        "/apis/argoproj.io/v1alpha1/workflowtemplates",
        True,
        True,
    )


def test_the_example_has_time_limits_and_without_them_it_is_the_template_of_the_platform():
    """The lines `timeout` are all that is mended."""
    text = (pathlib.Path(__file__).parents[2] / "deploy/examples/play-template.yaml").read_text("utf-8")
    platform = a_workflow_template(CREATE, WAIT, {"name": "suspend-for-event", "suspend": {}})
    mended, plain = (fast_yaml.load(each)["spec"] for each in (text, re.sub(r" *timeout: .*\n", "", text)))
    assert unbounded(*mended["templates"]) == []
    assert unbounded(*plain["templates"]) == ["create-coderun-resource", "wait-coderun-completion"]
    names = [template["name"] for template in platform["spec"]["templates"]]
    assert [template["name"] for template in mended["templates"]] == names


@pytest.mark.parametrize("step", [CREATE, WAIT, with_resource(CREATE, action="apply")])
def test_the_admission_policy_has_the_actions_and_kinds_of_the_audit(step):
    """The policy on a real API server: tests/integration/test_workflow_policies.py."""
    policy = (pathlib.Path(__file__).parents[2] / "deploy/policies/workflow-templates.yaml").read_text("utf-8")
    assert unbounded(step) == [step["name"]]
    assert f"'{step['resource']['action']}'" in policy
    assert "(CodeRun|DocsRun)" in policy
