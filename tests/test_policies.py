"""Checks the shipped admission policies without a cluster: they fail open, have an opt-out, and agree."""

import pathlib
import re

import pytest
import yaml

from exporter import config
from exporter.durations import parse_duration
from exporter.profiles import DEFAULT, resolve
from exporter.resources.jobs import MAX_RUNTIME_ANNOTATION

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "deploy/policies"
FILES = {path.name: list(yaml.safe_load_all(path.read_text("utf-8"))) for path in sorted(FOLDER.glob("*.yaml"))}
LIMITS, VALIDATE, DENY, WORKFLOWS = (
    *("job-limits.yaml", "job-limits-validate.yaml", "job-limits-deny.yaml"),
    "workflow-templates.yaml",
)
POLICIES = [
    pytest.param(item, id=file) for file, items in FILES.items() for item in items if item["kind"].endswith("Policy")
]
BINDINGS = [
    pytest.param(item, id=file) for file, items in FILES.items() for item in items if item["kind"].endswith("Binding")
]
OPTED_OUT = "object.metadata.?annotations[?'coderun-exporter/admission'].orValue('') != 'none'"
NAMESPACES = {
    "matchExpressions": [{"key": "coderun-exporter/admission", "operator": "NotIn", "values": ["none"]}],
}
THRESHOLDS = config.Thresholds()


def spec(file, sort):
    """The spec of the only document of a file whose kind ends with `sort`."""
    (found,) = (item["spec"] for item in FILES[file] if item["kind"].endswith(sort))
    return found


@pytest.mark.parametrize(
    ("file", "kinds"),
    [
        (LIMITS, ["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"]),
        (VALIDATE, ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]),
        (DENY, ["ValidatingAdmissionPolicyBinding"]),
        (WORKFLOWS, ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]),
    ],
)
def test_a_file_is_a_policy_and_its_binding(file, kinds):
    """One file can be applied alone, except job-limits-deny.yaml. All use stable API versions."""
    assert [item["kind"] for item in FILES[file]] == kinds
    assert {item["apiVersion"] for item in FILES[file]} == {"admissionregistration.k8s.io/v1"}
    assert {item["metadata"]["name"] for item in FILES[file]} == {spec(file, "Binding")["policyName"]}


def test_there_are_no_other_files():
    """A new file must be added to the tests in this module."""
    assert set(FILES) == {LIMITS, VALIDATE, DENY, WORKFLOWS}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_is_fail_open_and_can_be_opted_out_of(policy):
    """The failurePolicy is `Ignore`, and the opt-out annotation is the first match condition."""
    assert policy["spec"]["failurePolicy"] == "Ignore"
    assert policy["spec"]["matchConditions"][0]["expression"] == OPTED_OUT


@pytest.mark.parametrize("binding", BINDINGS)
def test_a_binding_excludes_the_namespaces_that_opted_out(binding):
    """It applies to all other namespaces. A policy without a binding has no effect."""
    assert binding["spec"]["matchResources"] == {"namespaceSelector": NAMESPACES}


def test_only_job_limits_deny_rejects_requests():
    """The others warn and write to the audit log. Both bindings for Jobs have one name, so one replaces the other."""
    actions = {file: spec(file, "Binding").get("validationActions") for file in FILES}
    warn = ["Warn", "Audit"]
    assert actions == {LIMITS: None, VALIDATE: warn, DENY: ["Deny", "Audit"], WORKFLOWS: warn}
    assert FILES[VALIDATE][-1]["metadata"] == FILES[DENY][-1]["metadata"]


def test_both_policies_select_the_same_jobs():
    """Both apply only when a Job is created."""
    given, warned = spec(LIMITS, "Policy"), spec(VALIDATE, "Policy")
    for key in ("matchConstraints", "matchConditions"):
        assert given[key] == warned[key]
    (rule,) = given["matchConstraints"]["resourceRules"]
    assert (rule["apiGroups"], rule["resources"], rule["operations"]) == (["batch"], ["jobs"], ["CREATE"])


@pytest.mark.parametrize("file", [LIMITS, VALIDATE])
def test_the_policies_select_the_jobs_of_every_kind_of_the_platform(file):
    """These are CodeRun and DocsRun of both groups, BoltRun, and the workspace cleanup with its label."""
    text = (FOLDER / file).read_text("utf-8")
    kind = resolve(DEFAULT)
    named = set(re.findall(r"'(\w+Run\.[a-z0-9.]+)'", text))
    groups = ("agents.platform", "orchestrator.platform")
    assert named == {f"{name}.{group}" for name in ("CodeRun", "DocsRun") for group in groups} | {
        "BoltRun.cto.5dlabs.ai"
    }
    assert f"{kind.kind}.{kind.group}" in named
    assert "labels[?'cleanup.cto.dev/kind'].orValue('') in ['workspace-cleanup']" in text
    assert f"annotations[?'{MAX_RUNTIME_ANNOTATION}']" in text


def test_the_limits_are_the_defaults_of_the_exporter():
    """A Job ends when `AgentJobHanging` becomes pending. A workflow step allows for both limits of a run."""
    runtime, creation = (
        int(parse_duration(str(limit)))
        for limit in (config.DEFAULT_JOB_MAX_RUNTIME, THRESHOLDS.job_creation_deadline)
    )
    limits = {each["name"]: each["expression"] for each in spec(LIMITS, "Policy")["variables"]}["limits"]
    assert limits == f"{{'default': {runtime}}}"
    (advice,) = spec(WORKFLOWS, "Policy")["validations"]
    assert f"for example {creation + runtime}s: " in advice["messageExpression"]


def test_the_readme_first_states_that_the_default_limit_ends_healthy_runs():
    """The first section has the figure, the effect, the command and the chart value for another limit."""
    page = (FOLDER / "README.md").read_text("utf-8")
    first = page.partition("## ")[2].partition("\n## ")[0]
    assert first.startswith("First: ")
    for text in ("3600 s", "healthy runs take up to 3 h", "'default': 14400", "policyLimits.default=14400"):
        assert text in first
    assert page.index("## First: ") < page.index("| file |")


def test_the_command_of_the_readme_changes_only_the_limit():
    """The README pipes the output of this `sed` to `kubectl apply`."""
    page, shipped = ((FOLDER / name).read_text("utf-8") for name in ("README.md", LIMITS))
    command = re.search(
        r"^    sed \"s/('default': 3600)/('default': 14400)/\" deploy/policies/(\S+) \|", page, re.MULTILINE
    )
    assert command is not None
    old, new, file = command.groups()
    assert (file, shipped.count(old)) == (LIMITS, 1)
    changed = [line for line in shipped.replace(old, new).splitlines() if line not in shipped.splitlines()]
    assert changed == ["      expression: \"{'default': 14400}\""]


@pytest.mark.parametrize("page", ["deploy/policies/README.md", "alerts/runbooks/AgentJobsWithoutDeadline.md"])
def test_the_files_that_a_page_names_exist(page):
    """Links and commands must not contain a misspelled file."""
    named = set(re.findall(r"\b((?:job|workflow)-[a-z-]+\.yaml)\b", (ROOT / page).read_text("utf-8")))
    assert named
    assert named <= set(FILES)


def test_the_readme_lists_every_file():
    """Each row has the required Kubernetes version."""
    rows = re.findall(
        r"^\| `([\w.-]+)` \| .+ \| (1\.\d+) \|$", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert dict(rows) == {LIMITS: "1.36", VALIDATE: "1.30", DENY: "1.30", WORKFLOWS: "1.30"}
