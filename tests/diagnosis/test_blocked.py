"""A run that the controller cannot decode prevents it from reconciling other runs: which runs have this cause."""

import pytest

from tests.objects import CREATED, a_job, a_run
from tests.worlds import World, samples

POISON = a_run(name="poison", uid="p", spec={"githubApp": "5DLabs-Rex", "cliConfig": {"cliType": "", "model": "m"}})
WAITING = a_run(name="waiting", uid="w", created=CREATED + 60)


def causes(world):
    """Maps the name of each run to its cause and detail."""
    lines = samples(world.text(), "coderun_stall_cause")
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
    world = World(a_run(name="poison", uid="p", spec=spec), WAITING)
    assert causes(world) == dict.fromkeys(
        ("poison", "waiting"), ("controller_blocked", f"CodeRun poison: {field} is empty")
    )


def test_a_missing_field_blocks_nothing():
    """The newest CRD allows runs without cliConfig and without a model."""
    assert {cause for cause, _ in causes(World(a_run(spec={}), WAITING)).values()} == {"not_reconciled"}


def test_the_cause_exists_as_long_as_the_run_that_blocks():
    """All runs of that namespace that no controller has processed have it."""
    elsewhere = a_run(name="elsewhere", uid="e", namespace="m")
    world = World(WAITING, elsewhere)
    assert causes(world)["waiting"][0] == "not_reconciled"
    world.put(POISON)
    assert causes(world)["waiting"] == BLOCKED
    assert causes(world)["elsewhere"][0] == "not_reconciled"
    world.delete(POISON)
    assert causes(world)["waiting"][0] == "not_reconciled"


def test_the_cause_ends_when_the_field_is_fixed():
    """The runbook says so."""
    world = World(POISON, WAITING)
    world.put(POISON | {"spec": {"githubApp": "5DLabs-Rex", "cliConfig": {"cliType": "claude"}}})
    assert {cause for cause, _ in causes(world).values()} == {"not_reconciled"}


def test_a_run_with_a_finalizer_does_not_have_the_cause():
    """The controller has processed that run."""
    touched = WAITING | {"metadata": WAITING["metadata"] | {"finalizers": ["coderuns.orchestrator.io/finalizer"]}}
    assert causes(World(a_run(created=CREATED + 99, name="poison", uid="p", spec=POISON["spec"]), touched))[
        "waiting"
    ] == ("reconcile_failing", "finalizer and no status: the controller fails to reconcile it")


def test_a_younger_run_that_was_processed_shows_that_nothing_is_blocked():
    """Such a controller decodes the runs although that field is empty."""
    world = World(POISON, WAITING)
    assert causes(world)["waiting"] == BLOCKED
    world.put(a_run(name="young", uid="y", created=CREATED + 90, status={"phase": "Running"}))
    world.put(a_job(owners=a_job(of=a_run(uid="y"))["metadata"]["ownerReferences"]))
    assert causes(world)["waiting"][0] == "not_reconciled"
