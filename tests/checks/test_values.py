"""How many runs have a value at each path of a profile: a finding per kind, and one per path with unlisted values."""

import json

import msgspec
import pytest
import yaml

from exporter.checks.formats import FORMATS, worst_status
from exporter.checks.replaced import check_replaced
from exporter.checks.values import ValueReader, value_findings
from exporter.profiles import Profile, resolve
from exporter.resources.kinds import run_kinds
from tests.objects import raw

PROFILE = """
resource: agenttasks.v1.example.com
kind: AgentTask
only: {.spec.mode: [agent]}
state:
- {path: ".status.conditions[?(@.type=='Ready')].reason", cancelled: [Expired]}
- {path: .status.phase, open: [absent, Running], succeeded: [Done]}
worker: {is: Job, reported: .status.jobName}
times: {finished: .status.finishedAt}
about: {agent: [.spec.agent, .metadata.labels.agent], model: .spec.model}
"""
READY = ".status.conditions[?(@.type=='Ready')].reason"
IN_NO_RULE = "not in any state rule: state open"


def findings(*objects, profile=PROFILE):
    """The findings about these objects."""
    (kind,) = run_kinds([resolve(msgspec.convert(yaml.safe_load(profile), Profile))])
    reader = ValueReader(kind)
    return value_findings("agenttasks", reader, [reader(raw(item)) for item in objects])


def lines(*objects, profile=PROFILE):
    """The findings as lines of text."""
    return FORMATS["text"](findings(*objects, profile=profile)).splitlines()


def a_run(phase="Running", *, mode="agent", status=None, **spec):
    """A run of the kind `AgentTask`."""
    return {"metadata": {}, "spec": {"mode": mode, **spec}, "status": {"phase": phase, **(status or {})}}


def test_without_runs_there_is_nothing_to_say():
    """Objects that are no runs do not count."""
    assert findings() == []
    assert findings(a_run(mode="other"), {}) == []


def test_one_line_counts_all_paths():
    """Paths with a value in some runs are named. A key is reported without a value if none of its paths has one."""
    runs = [a_run(agent="rex"), a_run("Done", agent="rex", status={"jobName": "j"}), a_run(mode="x")]
    assert lines(*runs) == [
        (
            "ok  profile of agenttasks: of 8 paths, 3 with a value in all 2 runs; in some: .status.jobName 1; "
            "alternatives without a value: 2; "
            "no value: times.finished (.status.finishedAt), about.model (.spec.model)"
        )
    ]
    (finding,) = findings(*runs)
    assert finding.data["runs"] == 2
    assert finding.data["paths"] == {
        ".spec.agent": 2,
        ".metadata.labels.agent": 0,
        ".spec.model": 0,
        ".status.finishedAt": 0,
        ".status.conditions[?(@.type=='Ready')].reason": 0,
        ".status.phase": 2,
        ".status.jobName": 1,
        ".spec.mode": 2,
    }


def test_values_that_no_rule_lists_are_one_line_a_path():
    """The note has the path, the number of runs with each value, and the state of these runs."""
    paused = {"conditions": [{"type": "Ready", "reason": "Paused"}]}
    runs = [a_run("Odd"), a_run("Odd"), a_run("New"), a_run(None, agent="x"), a_run(), a_run("X", status=paused)]
    assert lines(*runs)[1:] == [
        f"note  agenttasks: .status.phase: 5 of 6 runs have a value; 'Odd' (2 runs), 'New' (1 run) are {IN_NO_RULE}",
        f"note  agenttasks: {READY}: 1 of 6 runs has a value; 'Paused' (1 run) is {IN_NO_RULE}",
    ]
    many = lines(*[a_run(f"P{number}") for number in range(25)])[1]
    assert "'P9' (1 run) and 15 more are not in any state rule: state open" in many
    assert worst_status(findings(*runs)) == "ok"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Odd\n", r"'Odd\n' (1 run)"),
        ("\u202eexe", r"'\u202eexe' (1 run)"),
        ("odd " * 500, f"'{('odd ' * 16)[:63]}...' (1 run)"),
        ("ghp_abcdefghij0123456789", "'REDACTED' (1 run)"),
        ("<b>&", "'<b>&' (1 run)"),
        ({"a": "b"}, "'present' (1 run)"),
        (7, "'7' (1 run)"),
    ],
)
def test_a_value_is_shown_on_one_line_and_truncated(value, expected):
    """All output formats do so."""
    found = findings(a_run(value))
    assert expected in FORMATS["text"](found).splitlines()[1]
    for name in ("json", "junit"):
        text = FORMATS[name](found)
        assert text.isascii()
        assert "odd " * 17 not in text
        assert "ghp_" not in text
    data = json.loads(FORMATS["json"](found))["findings"][1]
    assert data["path"] == ".status.phase"
    assert list(data["unlisted"].values()) == [1]


def test_state_paths_without_any_value_are_a_note():
    """Three runs are needed: the controller may not have written a status yet."""
    assert len(lines({"spec": {"mode": "agent"}}, {"spec": {"mode": "agent"}})) == 1
    assert lines(*[{"spec": {"mode": "agent"}}] * 3)[1] == (
        "note  agenttasks: no run has a value at .status.conditions[?(@.type=='Ready')].reason or .status.phase, "
        "which decide the state: check the profile"
    )


def test_a_malformed_object_counts_with_the_fields_that_can_be_read():
    """The metrics are read in the same way."""
    broken = {
        "metadata": 5,
        "spec": {"mode": "agent", "agent": ["x"]},
        "status": {"phase": "Odd", "finishedAt": "soon"},
    }
    first, second = findings(broken)
    assert first.data["paths"][".status.finishedAt"] == 0
    assert "'Odd' (1 run) is not in any state rule" in second.text


def test_a_mapping_that_replaces_the_shipped_one_is_a_note():
    """It names the keys that are lost. Only entries of shipped kinds have such a note."""
    given = [
        "coderuns.agents.platform",
        Profile(plural="docsruns", kind="DocsRun"),
        msgspec.convert({"resource": "tasks.v1alpha2.kelos.dev", "about": {"agent": ".spec.agent"}}, Profile),
        msgspec.convert({"resource": "x.v1.example.com", "kind": "X", "about": {"agent": ".spec.agent"}}, Profile),
        msgspec.convert({"resource": "jobs.v1.batch", "about": {"agent": "x"}, "worker": {"is": "self"}}, Profile),
    ]
    (finding,) = check_replaced(given)
    assert (finding.status, finding.subject) == ("note", "coderuns.kinds[2].about")
    assert finding.text == (
        "replaces about of the shipped profile tasks.kelos.dev without cli, model, repository, message"
    )


def test_a_worker_that_replaces_the_shipped_one_is_a_note():
    """A worker with only a container is a Job: then each run seems to have no Job."""
    given = [
        msgspec.convert({"resource": "tasks.v1alpha1.kubeopencode.io", "worker": worker}, Profile)
        for worker in ({"container": "main"}, [{"is": "Pod"}])
    ]
    (finding,) = check_replaced(given)
    assert (finding.status, finding.subject) == ("note", "coderuns.kinds[0].worker")
    assert finding.text == (
        "replaces worker of the shipped profile tasks.kubeopencode.io without is, selector, reported"
    )
