"""Dumps after public reports: what a user sees who knows nothing but the output of kubectl."""

import json
import pathlib

import pytest
import yaml

from tests.commands.in_process import call

DUMPS = pathlib.Path(__file__).parent / "dumps"
EXPECTED = yaml.safe_load((DUMPS / "expected.yml").read_text("utf-8"))


def explained(dump, *more):
    """Exit code, and the worst run of a dump."""
    code, out, err = call("explain", "--all", "-f", DUMPS / f"{dump}.yaml", "-o", "json", *more)
    assert err == ""
    return code, json.loads(out)["items"][0]


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: row["dump"])
def test_the_first_finding_is_the_cause(row):
    """Or none, where nothing is wrong."""
    _, run = explained(row["dump"])
    assert [finding["cause"] for finding in run["findings"]][:1] == ([row["cause"]] if row["cause"] else [])
    if row["cause"]:
        assert run["findings"][0]["next"].startswith("kubectl ")


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: row["dump"])
def test_an_hour_later_the_verdict_is_clear(row):
    """The exit code distinguishes a fault, no fault, and what cannot be determined."""
    code, run = explained(row["dump"], "--at", "2026-03-02T09:50:00Z")
    want = {"": "ok", "cannot_tell": "unknown"}.get(row["cause"], "fault")
    assert (run["verdict"], code) == (want, {"ok": 0, "fault": 1, "unknown": 2}[want])


def test_every_dump_has_its_cause():
    """None is left out."""
    assert sorted(path.stem for path in DUMPS.glob("*.yaml")) == sorted(row["dump"] for row in EXPECTED)


def test_evidence_has_nothing_that_differs_each_time():
    """It becomes the label of a metric: each other text would be another series."""
    assert explained("quota-must-specify")[1]["findings"][0]["evidence"].startswith(
        "FailedCreate: Error creating: pods is forbidden: failed quota: team"
    )
    assert explained("pod-security")[1]["findings"][0]["evidence"].startswith(
        'FailedCreate: Error creating: pods is forbidden: violates PodSecurity "restricted:latest"'
    )
    assert explained("crash-loop")[1]["findings"][0]["evidence"] == (
        "container agent: CrashLoopBackOff; last: Error, exit code 2"
    )
