"""Dumps that reproduce public bug reports, and what `explain` shows for them."""

import json
import pathlib

import pytest
import yaml

from tests.commands.in_process import call

DUMPS = pathlib.Path(__file__).parent / "dumps"
EXPECTED = yaml.safe_load((DUMPS / "expected.yml").read_text("utf-8"))


def explain_dump(dump, *more):
    """Runs `explain` on a dump. Returns the exit code and the first run."""
    code, out, err = call("explain", "--all", "-f", DUMPS / f"{dump}.yaml", "-o", "json", *more)
    assert err == ""
    return code, json.loads(out)["items"][0]


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: row["dump"])
def test_the_first_finding_is_the_cause(row):
    """There is no finding if nothing is wrong."""
    _, run = explain_dump(row["dump"])
    assert [finding["cause"] for finding in run["findings"]][:1] == ([row["cause"]] if row["cause"] else [])
    if row["cause"]:
        assert run["findings"][0]["next"].startswith("kubectl ")


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: row["dump"])
def test_an_hour_later_the_verdict_is_final(row):
    """The exit code distinguishes a fault, no fault and an unknown state."""
    code, run = explain_dump(row["dump"], "--at", "2026-03-02T09:50:00Z")
    want = {"": "ok", "cannot_tell": "unknown"}.get(row["cause"], "fault")
    assert (run["verdict"], code) == (want, {"ok": 0, "fault": 1, "unknown": 2}[want])


def test_every_dump_has_an_expected_cause():
    """No dump is missing in expected.yml."""
    assert sorted(path.stem for path in DUMPS.glob("*.yaml")) == sorted(row["dump"] for row in EXPECTED)


def test_evidence_contains_nothing_that_changes_each_time():
    """It is a label value, so each different text would create a new series."""
    assert explain_dump("quota-must-specify")[1]["findings"][0]["evidence"].startswith(
        "FailedCreate: Error creating: the pod is forbidden: failed quota: team"
    )
    assert explain_dump("pod-security")[1]["findings"][0]["evidence"].startswith(
        'FailedCreate: Error creating: the pod is forbidden: violates PodSecurity "restricted:latest"'
    )
    assert explain_dump("crash-loop")[1]["findings"][0]["evidence"] == (
        "container agent: CrashLoopBackOff; last: Error, exit code 2"
    )
