"""A run that the controller cannot decode prevents it from reconciling other runs: which runs have this cause."""

import pytest

from tests.harness import StoreHarness, samples
from tests.objects import CREATED, a_job, a_run

POISON = a_run(name="poison", uid="p", spec={"githubApp": "5DLabs-Rex", "cliConfig": {"cliType": "", "model": "m"}})
WAITING = a_run(name="waiting", uid="w", created=CREATED + 60)


def causes(harness):
    """Maps the name of each run to its cause and detail."""
    lines = samples(harness.text(), "coderun_stall_cause")
    return {line.split('"')[3]: tuple(line.split('"')[5:8:2]) for line in lines}


BLOCKED = ("controller_blocked", "CodeRun poison: spec.cliConfig.cliType is empty")


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"cliConfig": {"cliType": ""}}, "spec.cliConfig.cliType"),
        ({"githubApp": ""}, "spec.githubApp"),
        ({"model": ""}, "spec.model"),
        ({"cliConfig": {"cliType": ""}, "githubApp": "", "model": ""}, "spec.cliConfig.cliType"),
    ],
)
def test_the_empty_field_is_named(spec, field):
    """The run with the empty field has the cause too, because it must be fixed."""
    harness = StoreHarness(a_run(name="poison", uid="p", spec=spec), WAITING)
    assert causes(harness) == dict.fromkeys(
        ("poison", "waiting"), ("controller_blocked", f"CodeRun poison: {field} is empty")
    )


def test_a_missing_field_blocks_nothing():
    """The newest CRD allows runs without cliConfig and without a model."""
    assert {cause for cause, _ in causes(StoreHarness(a_run(spec={}), WAITING)).values()} == {"not_reconciled"}


def test_the_cause_exists_as_long_as_the_run_that_blocks():
    """All runs of that namespace that no controller has processed have it."""
    elsewhere = a_run(name="elsewhere", uid="e", namespace="m")
    harness = StoreHarness(WAITING, elsewhere)
    assert causes(harness)["waiting"][0] == "not_reconciled"
    harness.put(POISON)
    assert causes(harness)["waiting"] == BLOCKED
    assert causes(harness)["elsewhere"][0] == "not_reconciled"
    harness.delete(POISON)
    assert causes(harness)["waiting"][0] == "not_reconciled"


def test_the_cause_ends_when_the_field_is_fixed():
    """The runbook says so."""
    harness = StoreHarness(POISON, WAITING)
    harness.put(POISON | {"spec": {"githubApp": "5DLabs-Rex", "cliConfig": {"cliType": "claude"}}})
    assert {cause for cause, _ in causes(harness).values()} == {"not_reconciled"}


def test_a_run_with_a_finalizer_does_not_have_the_cause():
    """The controller has processed that run."""
    touched = WAITING | {"metadata": WAITING["metadata"] | {"finalizers": ["coderuns.orchestrator.io/finalizer"]}}
    assert causes(StoreHarness(a_run(created=CREATED + 99, name="poison", uid="p", spec=POISON["spec"]), touched))[
        "waiting"
    ] == ("reconcile_failing", "finalizer and no status: the controller fails to reconcile it")


def test_a_younger_run_that_was_processed_shows_that_nothing_is_blocked():
    """Such a controller decodes the runs although that field is empty."""
    harness = StoreHarness(POISON, WAITING)
    assert causes(harness)["waiting"] == BLOCKED
    harness.put(a_run(name="young", uid="y", created=CREATED + 90, status={"phase": "Running"}))
    harness.put(a_job(owners=a_job(of=a_run(uid="y"))["metadata"]["ownerReferences"]))
    assert causes(harness)["waiting"][0] == "not_reconciled"
