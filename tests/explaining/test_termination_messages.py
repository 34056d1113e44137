"""The termination message of a container may be the end of its log: of its text, only its class is shown."""

import pytest

from exporter.diagnosis.end_texts import END_TEXTS
from exporter.log_formats import end_classes
from tests.diagnosis.test_causes import FAILED, OPEN, READ, a_killed_pod, a_pod, failed
from tests.explaining.test_dump_findings import LATER, explain
from tests.objects import a_job

HINT = "; kubectl describe shows its termination message"
TEXT = "the moon is full"


def ended(code=1, *, message=TEXT, reason="Error"):
    """A failed Pod whose main container wrote this message."""
    pod = a_killed_pod(code, reason)
    pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"] = message
    return pod


def shown(folder, *objects):
    """What `explain` shows for the run."""
    return explain(folder, [*objects, READ], "r", "--at", LATER)[1]


@pytest.mark.parametrize(
    ("pod", "text"),
    [
        (ended(), f"exit code 1 (Error){HINT}\n"),
        (ended(message=""), "exit code 1 (Error)\n"),
        (ended(128, reason="StartError"), f"(StartError): {TEXT}\n"),
    ],
)
def test_the_evidence_says_where_the_message_is(tmp_path, pod, text):
    """The message of a container that never started is written by the runtime."""
    out = shown(tmp_path, failed("Job failed"), FAILED, pod)
    assert text in out
    assert (TEXT in out) is ("StartError" in text)


def test_a_container_that_is_restarted(tmp_path):
    """The message is that of its last end."""
    last = {"terminated": {"reason": "Error", "exitCode": 1, "message": TEXT}}
    loop = {"name": "agent", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": last}
    out = shown(tmp_path, OPEN, a_job(), a_pod("Running", containerStatuses=[loop | {"restartCount": 9}]))
    assert f"CrashLoopBackOff; last: Error, exit code 1{HINT}\n" in out
    assert TEXT not in out


def test_a_main_container_that_ended_in_a_running_pod(tmp_path):
    """It is the same evidence, before the other containers."""
    pod, other = ended(), {"name": "dind", "state": {"running": {}}}
    pod["status"] |= {"phase": "Running", "containerStatuses": [*pod["status"]["containerStatuses"], other]}
    pod["spec"]["containers"].append({"name": "dind"})
    assert f"failed with exit code 1 (Error){HINT}; still running: dind\n" in shown(tmp_path, OPEN, a_job(), pod)


NO_GIT = "fatal: could not read Username for 'https://git.example': terminal prompts disabled"


@pytest.mark.parametrize(
    ("message", "meaning", "fix", "act"),
    [
        (NO_GIT, "the git server rejects the credentials", "Secret for git", "who owns the platform's credentials"),
        ("lookup git.example: no such host", "a host name cannot be resolved", "DNS", "who runs the cluster"),
        (
            "exec /x: exec format error",
            "the binary is for another architecture, or a script lacks its first line (#!)",
            "architecture",
            "the image",
        ),
    ],
)
def test_a_known_text_has_a_class(tmp_path, message, meaning, fix, act):
    """Only the class is kept and shown, with what corrects it."""
    out = shown(tmp_path, failed("Job failed"), FAILED, ended(message=message))
    assert f"exit code 1 (Error); its termination message says that {meaning}\n" in out
    assert fix in out.partition("Fix:")[2].partition("\n")[0]
    assert act in out.partition("Act:")[2].partition("\n")[0]
    assert message[:12] not in out


@pytest.mark.parametrize("code", [0, 137, 143])
def test_a_process_that_was_ended_did_not_fail(tmp_path, code):
    """What it wrote before is not why it ended."""
    out = shown(tmp_path, failed("Job failed"), FAILED, ended(code, message=NO_GIT))
    assert "says that" not in out


def test_each_class_has_a_text():
    """A class without one would be shown as unknown."""
    assert END_TEXTS.keys() == end_classes()
