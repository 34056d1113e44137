"""What to do next: a command for each finding, what mends the cause, and how to see more of a run."""

import pytest

from exporter.diagnosis import CAUSES
from exporter.diagnosis.end_texts import END_TEXTS
from exporter.diagnosis.fixes import FIXES
from exporter.diagnosis.fixes_by_text import FIXES_BY_TEXT
from tests.diagnosis.test_causes import OPEN, READ, a_pod, an_event
from tests.diagnosis.test_progress import WAITS
from tests.explaining.test_dump_findings import LATER, explain
from tests.objects import CREATED, a_job, a_run, stamp

REFUSED = an_event("Job", "job-j", "FailedCreate", "pods is forbidden: exceeded quota: q")
WITHOUT = a_job() | {"status": {"startTime": stamp(CREATED)}}


def test_each_finding_has_its_next_command(tmp_path):
    """The same one is not repeated."""
    _, out = explain(tmp_path, [OPEN, WITHOUT, REFUSED], "r", "--at", LATER)
    assert "  Next:      kubectl -n n describe quota\n" in out
    also = out[out.index("Also:") : out.index("Chain:")].split("\n")
    assert [line.split()[0] for line in also if line] == ["Also:", "no_pod", "Next:"]
    assert also[2] == "    Next: kubectl -n n describe job j"
    _, out = explain(
        tmp_path, [OPEN, WAITS, a_pod(), an_event(reason="FailedMount", note="failed")], "r", "--at", LATER
    )
    assert out.count("kubectl -n n describe pod p") == 1


def test_what_mends_the_cause_is_one_line(tmp_path):
    """If it is the same each time."""
    _, out = explain(tmp_path, [OPEN, WITHOUT, REFUSED], "r", "--at", LATER)
    assert f"  Fix:       {FIXES['quota']}\n" in out
    _, out = explain(tmp_path, [a_run(status={"phase": "Failed", "message": "the moon is full"}), READ], "r")
    assert "Fix:" not in out


BY_END = [("container_failed", text.fix) for text in END_TEXTS.values()]
BY_TEXT = [(cause, fix) for cause, rules in FIXES_BY_TEXT.items() for _, fix in rules]


@pytest.mark.parametrize(("cause", "words"), [*FIXES.items(), *BY_TEXT, *BY_END])
def test_what_mends_a_cause_belongs_to_the_table(cause, words):
    """It is a sentence that fits a line."""
    assert CAUSES[cause].fault
    assert words.endswith(".")
    assert len(words) <= 110


def test_a_list_says_how_to_see_more_of_a_run(tmp_path):
    """Of the worst, if there is anything to see."""
    _, out = explain(tmp_path, [OPEN, WITHOUT, REFUSED], "--at", LATER)
    assert "\nMore: explain n/r shows all that is known of one run\n" in out
    assert "More:" not in explain(tmp_path, [OPEN, a_job(), a_pod("Running"), READ])[1]


def test_the_name_of_a_policy_is_kept_in_a_long_message(tmp_path):
    """The names of the Job precede it. The detail of metrics is shorter."""
    policy = "ValidatingAdmissionPolicy 'deny-privileged' with binding 'deny-binding' denied request"
    text = f'Failed to create Job: jobs.batch "play-{"x" * 50}" is forbidden: {policy}: {"no privileged pods " * 9}'
    _, out = explain(tmp_path, [a_run(status={"phase": "Failed", "message": text}), READ], "r")
    assert policy in next(line for line in out.splitlines() if line.startswith("  Evidence:"))


def test_an_effect_does_not_repeat_the_evidence(tmp_path):
    """It is in JSON."""
    pod = a_pod(
        conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no fit"}]
    )
    _, out = explain(tmp_path, [OPEN, WAITS, pod, READ], "r", "--at", LATER)
    assert out.count("Unschedulable: no fit") == 2  # the cause, and the state of the pod
    assert "effect of the cause\n" in out
