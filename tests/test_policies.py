"""The admission policies as they are shipped, read without a cluster: fail-open, with a way out, and of one mind."""

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
    """The spec of the one document of a file whose kind ends so."""
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
    """Whoever applies one file has all of it; the refusal alone leans on another file. All is stable API."""
    assert [item["kind"] for item in FILES[file]] == kinds
    assert {item["apiVersion"] for item in FILES[file]} == {"admissionregistration.k8s.io/v1"}
    assert {item["metadata"]["name"] for item in FILES[file]} == {spec(file, "Binding")["policyName"]}


def test_there_are_no_other_files():
    """A file that is added has to be put to the tests above and below."""
    assert set(FILES) == {LIMITS, VALIDATE, DENY, WORKFLOWS}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_is_fail_open_and_can_be_opted_out_of(policy):
    """`Ignore`, and the annotation before anything else is asked."""
    assert policy["spec"]["failurePolicy"] == "Ignore"
    assert policy["spec"]["matchConditions"][0]["expression"] == OPTED_OUT


@pytest.mark.parametrize("binding", BINDINGS)
def test_a_binding_leaves_out_the_namespaces_that_opted_out(binding):
    """And no others: a policy that nobody bound does nothing."""
    assert binding["spec"]["matchResources"] == {"namespaceSelector": NAMESPACES}


def test_only_the_file_that_says_so_refuses_anything():
    """The others warn, and the audit log tells. Both bindings for Jobs are one, so they exclude each other."""
    actions = {file: spec(file, "Binding").get("validationActions") for file in FILES}
    warn = ["Warn", "Audit"]
    assert actions == {LIMITS: None, VALIDATE: warn, DENY: ["Deny", "Audit"], WORKFLOWS: warn}
    assert FILES[VALIDATE][-1]["metadata"] == FILES[DENY][-1]["metadata"]


def test_what_is_given_limits_is_what_is_warned_of():
    """The two policies for Jobs ask for the same Jobs, at their creation only."""
    given, warned = spec(LIMITS, "Policy"), spec(VALIDATE, "Policy")
    for key in ("matchConstraints", "matchConditions"):
        assert given[key] == warned[key]
    (rule,) = given["matchConstraints"]["resourceRules"]
    assert (rule["apiGroups"], rule["resources"], rule["operations"]) == (["batch"], ["jobs"], ["CREATE"])


@pytest.mark.parametrize("file", [LIMITS, VALIDATE])
def test_the_jobs_of_every_kind_of_the_platform_are_agents_jobs(file):
    """CodeRun and DocsRun in both groups, BoltRun, the workspace cleanup by its label."""
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


def test_the_limits_are_the_exporters_defaults():
    """A Job ends when `AgentJobHanging` would begin to wait, and a step has time for both limits of a run."""
    runtime, creation = (
        int(parse_duration(str(limit)))
        for limit in (config.DEFAULT_JOB_MAX_RUNTIME, THRESHOLDS.job_creation_deadline)
    )
    limits = {each["name"]: each["expression"] for each in spec(LIMITS, "Policy")["variables"]}["limits"]
    assert limits == f"{{'default': {runtime}}}"
    (advice,) = spec(WORKFLOWS, "Policy")["validations"]
    assert f"for example {creation + runtime}: " in advice["messageExpression"]


def test_the_page_says_first_that_the_default_limit_ends_healthy_runs_and_how_to_set_another():
    """Before the list of the files: the figure, the effect, the command, and the chart's value."""
    page = (FOLDER / "README.md").read_text("utf-8")
    first = page.partition("## ")[2].partition("\n## ")[0]
    assert first.startswith("First: ")
    for text in ("3600 s", "healthy runs take up to 3 h", "'default': 14400", "policyLimits.default=14400"):
        assert text in first
    assert page.index("## First: ") < page.index("| file |")


def test_the_pages_command_for_another_limit_changes_that_line_only():
    """The `sed` that the page pipes to `kubectl apply`."""
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
def test_the_files_that_a_page_names_are_there(page):
    """Links and commands: `kubectl apply -f` of a misspelled file helps nobody."""
    named = set(re.findall(r"\b((?:job|workflow)-[a-z-]+\.yaml)\b", (ROOT / page).read_text("utf-8")))
    assert named
    assert named <= set(FILES)


def test_the_page_tells_of_every_file():
    """And of the Kubernetes version that it needs."""
    rows = re.findall(
        r"^\| `([\w.-]+)` \| .+ \| (1\.\d+) \|$", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert dict(rows) == {LIMITS: "1.36", VALIDATE: "1.30", DENY: "1.30", WORKFLOWS: "1.30"}
