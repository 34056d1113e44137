"""Shipped profiles are valid and complete, and no other code depends on a platform."""

import pathlib
import re

import msgspec
import pytest

from exporter.kube.decode import Decoder
from exporter.profiles import (
    DEFAULT,
    Profile,
    ProfileError,
    Reader,
    ShippedProfileError,
    check,
    resolve,
    shipped_profiles,
)
from exporter.profiles.shipped import parse_shipped
from tests.objects import raw

ROOT = pathlib.Path(__file__).parents[2]
NAMES = [name for name in shipped_profiles() if name != "any"]

# Names that belong to one platform: kinds, phases, fields, labels.
OF_ONE_PLATFORM = re.compile(
    r"(?i:5dlabs)|githubApp|github-(app|user)|workCompleted|cliConfig|contextVersion|context-version|cli-type|task-id"
    r"|\b(CodeRun|DocsRun|BoltRun)\b(?! Exporter)|docsruns?\.|boltruns?|orchestrator\.platform"
    r"|['\"](Pending|Initializing|Running|Completed|Cancelled|Succeeded)['\"]"
)
ALLOWED = {
    "profiles/shipped.py": [f'DEFAULT: Final = "{DEFAULT}"'],
    # Phases of Pods are defined by Kubernetes.
    "cache/pod_records.py": ['SUCCEEDED = "Succeeded"', 'RUNNING = frozenset({"Running", "Unknown"})'],
    "explaining/lost_nodes.py": ['_OVER = frozenset({"Succeeded", "Failed"})'],
    # Reasons of Events of the Job controller.
    "diagnosis/attempts.py": ['_ENDS: Final = _FAILURES | _DELETIONS | {"Completed"}'],
    "explaining/core_events.py": ['"Job": frozenset({CREATED_POD, STOPPED, "Completed", "SuccessfulDelete"}),'],
    "resources/pods.py": ['_RESULTS = {"Succeeded": "succeeded", "Failed": "failed"}'],
    "resources/workflows.py": [  # phases of Argo Workflows, which are not those of a kind of runs
        '_OPEN: Final = frozenset({"Pending", "Running"})',
        'is_idle = status.phase == "Running" and not any(node.phase in _OPEN or not node.phase for node in nodes)',
    ],
}


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_profile_is_valid(name):
    """It has a resource, a version and a kind."""
    profile = resolve(name)
    check(msgspec.structs.replace(shipped_profiles()[name], name=None))
    assert name in {profile.name, f"{profile.plural}.{profile.group}"}
    assert profile.version
    assert profile.kind


def test_no_code_depends_on_a_platform():
    """Docstrings and comments may name it. The only exception is the default of a setting."""
    found = []
    for file in sorted((ROOT / "exporter").rglob("*.py")):
        if "demo" in file.parts:  # the demo simulates a platform
            continue
        path = str(file.relative_to(ROOT / "exporter"))
        text = re.sub(r'(?s)"""(?:[^"]|"(?!""))*"""', "", file.read_text())
        lines = [line.partition("  # ")[0] for line in text.splitlines() if not line.lstrip().startswith("#")]
        found += [(path, line.strip()) for line in lines if OF_ONE_PLATFORM.search(line)]
    assert [(path, line) for path, line in found if line not in ALLOWED.get(path, [])] == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("resource: xs.v1.b.c\nkind: X\n", ": expected a list of profiles: put `- ` before the first key of each"),
        ("coderuns:\n  kinds: []\n", ": expected a list of profiles: put `- ` before the first key of each"),
        ("", ": expected a list of profiles: put `- ` before the first key of each"),
        ("- resource: xs.v1.b.c\n  kid: X\n", ":2: unknown key '0.kid'; did you mean 'kind'?"),
        ("- resource: xs.v1.b.c\n  state: 3\n", ":2: 0.state: expected a list, got int"),
        ("- xs.v1.b.c\n", ":1: 0: expected a mapping, got str"),
        ("- a: [\n", ":2: not YAML: expected the node content, but found '<stream end>'"),
    ],
)
def test_a_shipped_file_that_is_invalid_is_named(text, error):
    """The error is one line. The name of the file is more important than that of a setting."""
    with pytest.raises(ShippedProfileError) as caught:
        parse_shipped(text, name="mine.yaml")
    assert str(caught.value) == f"profiles/shipped/mine.yaml{error}"


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_profile_has_at_most_twelve_lines(name):
    """A profile must stay short enough to be read at a glance. Comments and empty lines are not counted."""
    for file in (ROOT / "exporter/profiles/shipped").glob("*.yaml"):
        for text in re.split(r"^- ", file.read_text(), flags=re.MULTILINE)[1:]:
            lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
            assert len(lines) <= 12, text


def test_settings_are_completed_with_the_shipped_profile():
    """The shipped profile of the same PLURAL.GROUP is used, whatever the version."""
    docsrun = resolve("docsruns.agents.platform")
    assert resolve(Profile(plural="docsruns", kind="DocsRun")) == docsrun
    assert resolve("docsruns.v1.agents.platform") == docsrun
    newer = resolve(Profile(resource="docsruns.v2.agents.platform"))
    assert (newer.version, newer.kind, newer.about) == ("v2", "DocsRun", docsrun.about)
    other = resolve(Profile(resource="agenttasks.v1.example.com", kind="AgentTask"))
    assert (other.state, other.requires_configmaps) == (shipped_profiles()["any"].state, False)
    assert resolve(Profile()) == resolve(DEFAULT)


@pytest.mark.parametrize(
    ("given", "key", "line"),
    [
        (
            "codruns.agents.platform",
            "",
            "'codruns.agents.platform' is not a shipped profile; did you mean coderuns.agents",
        ),
        ("x", "", "'x' is not a shipped profile; there are: "),
        (Profile(resource="tasks"), "resource", "'tasks' is not PLURAL.GROUP or PLURAL.VERSION.GROUP"),
        (Profile(resource="a.v1.b.c"), "resource", "there is no shipped profile for a.b.c, so kind is required"),
        (Profile(resource="a.b.c", kind="A"), "resource", "version is required: a.VERSION.b.c"),
        (Profile(resource="a.v1.b.c", kind="A", group="b"), "group", "conflicts with resource: remove one of them"),
    ],
)
def test_incomplete_or_unknown_names_are_an_error(given, key, line):
    """The error states what is valid."""
    with pytest.raises(ProfileError) as caught:
        check(given)
    assert caught.value.key == key
    assert str(caught.value).startswith(line)


def test_an_unknown_phase_of_a_kelos_task_is_open_and_other():
    """Only a Task of a worker pool is waiting while it has no phase."""
    reader = Reader(resolve("tasks.kelos.dev"))
    for item, expected in (
        ({"status": {"phase": "Paused"}}, ("open", "Paused", "other")),
        ({}, ("open", "", "none")),
        ({"spec": {"workerPoolRef": {"name": "p"}}}, ("waiting", "p", "present")),
    ):
        decoded, _ = Decoder(reader.type).decode(raw(item))
        assert tuple(reader.state(reader.values(decoded))) == expected


PENDING = {"status": {"phase": "Pending"}, "spec": {"type": "ai"}}


@pytest.mark.parametrize(
    ("name", "item", "state"),
    [
        ("tasks.core.orka.ai", PENDING, "open"),
        ("tasks.core.orka.ai", PENDING | {"spec": {"sessionRef": {"name": "s"}}}, "waiting"),
        ("tasks.core.orka.ai", PENDING | {"metadata": {"labels": {"orka.ai/parent-task": "p"}}}, "waiting"),
        ("tasks.core.orka.ai", {"status": {"phase": "Running"}, "spec": {"sessionRef": {"name": "s"}}}, "open"),
        ("tasks.core.orka.ai", {}, "open"),
        ("taskruns.tekton.dev", {"spec": {"status": "TaskRunPending"}}, "waiting"),
        ("ephemeralrunners.actions.github.com", {"status": {"phase": "Running"}}, "waiting"),
        ("ephemeralrunners.actions.github.com", {"status": {"phase": "Running", "jobId": "1"}}, "open"),
        ("workflows.argoproj.io", {"spec": {"suspend": True}, "status": {"phase": "Running"}}, "waiting"),
    ],
)
def test_a_run_that_waits_as_designed_is_waiting(name, item, state):
    """It waits for a session, for another run, for a GitHub job or for a person."""
    reader = Reader(resolve(name))
    wire, _ = Decoder(reader.type).decode(raw(item))
    found = reader.state(reader.values(wire))
    assert (found.state, found.label == "other") == (state, False)


def test_normal_behavior_of_a_platform_is_not_a_fault():
    """Several runs of one Tekton Task or CI job in an hour are not retries, and an idle runner does not hang.

    A suspended step has no Pod.
    """
    for name in ("taskruns.tekton.dev", "ephemeralrunners.actions.github.com"):
        assert not resolve(name).about.task_id
    assert resolve("ephemeralrunners.actions.github.com").long_lived is True
    assert resolve("workflows.argoproj.io").worker.is_ == "none"
