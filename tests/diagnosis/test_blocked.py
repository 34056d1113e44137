"""One run that the controller cannot decode blocks all: which runs it explains, and which not."""

import pytest

from tests.objects import CREATED, a_job, a_run
from tests.worlds import World, samples

POISON = a_run(name="poison", uid="p", spec={"githubApp": "5DLabs-Rex", "cliConfig": {"cliType": "", "model": "m"}})
WAITING = a_run(name="waiting", uid="w", created=CREATED + 60)


def causes(world):
    """By run."""
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
def test_an_empty_field_is_named(spec, field):
    """The run itself has the cause too: it is what has to be fixed."""
    world = World(a_run(name="poison", uid="p", spec=spec), WAITING)
    assert causes(world) == dict.fromkeys(
        ("poison", "waiting"), ("controller_blocked", f"CodeRun poison: {field} is empty")
    )


def test_a_field_that_is_absent_blocks_nothing():
    """The newest generation has runs without cliConfig and without a model."""
    assert {cause for cause, _ in causes(World(a_run(spec={}), WAITING)).values()} == {"not_reconciled"}


def test_the_cause_comes_and_goes_with_the_run_that_blocks():
    """For all runs that no controller has looked at, in that namespace alone."""
    elsewhere = a_run(name="elsewhere", uid="e", namespace="m")
    world = World(WAITING, elsewhere)
    assert causes(world)["waiting"][0] == "not_reconciled"
    world.put(POISON)
    assert causes(world)["waiting"] == BLOCKED
    assert causes(world)["elsewhere"][0] == "not_reconciled"
    world.delete(POISON)
    assert causes(world)["waiting"][0] == "not_reconciled"


def test_the_cause_goes_when_the_field_is_mended():
    """As the runbook says."""
    world = World(POISON, WAITING)
    world.put(POISON | {"spec": {"githubApp": "5DLabs-Rex", "cliConfig": {"cliType": "claude"}}})
    assert {cause for cause, _ in causes(world).values()} == {"not_reconciled"}


def test_a_run_with_a_finalizer_is_not_explained_by_it():
    """The controller has looked at that one."""
    touched = WAITING | {"metadata": WAITING["metadata"] | {"finalizers": ["coderuns.orchestrator.io/finalizer"]}}
    assert causes(World(a_run(created=CREATED + 99, name="poison", uid="p", spec=POISON["spec"]), touched))[
        "waiting"
    ] == ("reconcile_failing", "finalizer and no status: the controller fails to reconcile it")


def test_a_younger_run_that_was_touched_shows_that_nothing_is_blocked():
    """Then the controller lists all runs although that field is empty."""
    world = World(POISON, WAITING)
    assert causes(world)["waiting"] == BLOCKED
    world.put(a_run(name="young", uid="y", created=CREATED + 90, status={"phase": "Running"}))
    world.put(a_job(owners=a_job(of=a_run(uid="y"))["metadata"]["ownerReferences"]))
    assert causes(world)["waiting"][0] == "not_reconciled"
