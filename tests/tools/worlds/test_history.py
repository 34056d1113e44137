"""The history of a world leads to the objects of its files, in the order of writes of the platform's controller."""

import pytest

from lab.clock import seconds_of
from lab.worlds.history import history
from lab.worlds.loading import key_of, objects
from lab.worlds.player import SNAPSHOT
from lab.worlds.table import WORLDS

RETRYING = "cto-parallel-test-t9-implementation-loopy"


def states_of(files, *, until=SNAPSHOT):
    """The objects by key after all steps until this time."""
    there = {}
    for step in history(files, snapshot=SNAPSHOT).steps:
        if step.at <= until:
            there[key_of(step.item)] = None if step.gone else step.item
    return {key: item for key, item in there.items() if item is not None}


def steps_about(files, kind, *names):
    """The steps of these objects. Without names, the steps of all objects of the kind."""
    return [
        step
        for step in history(files, snapshot=SNAPSHOT).steps
        if step.item["kind"] == kind and (not names or step.item["metadata"]["name"] in names)
    ]


@pytest.mark.parametrize("world", WORLDS, ids=[world.name for world in WORLDS])
def test_at_the_snapshot_a_world_has_the_objects_of_its_files(world):
    """It has no other objects, and each object is as in the last file that contains it."""
    shown = {key_of(item): item for name in world.files for item in objects(name, snapshot=SNAPSHOT)}
    assert states_of(world.files) == shown


@pytest.mark.parametrize("world", WORLDS, ids=[world.name for world in WORLDS])
def test_no_step_is_earlier_than_the_creation_of_its_object(world):
    """A status may be written in the second of the creation, but not with it."""
    steps = history(world.files, snapshot=SNAPSHOT).steps
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    first = {}
    for step in steps:
        first.setdefault(key_of(step.item), step)
    born = [step for step in first.values() if "creationTimestamp" in step.item["metadata"]]
    assert [step.at for step in born] == [seconds_of(step.item["metadata"]["creationTimestamp"]) for step in born]
    assert [
        step for step in born if step.item["kind"] in {"Job", "CodeRun", "BoltRun"} and "status" in step.item
    ] == []


def test_a_retry_deletes_the_job_and_creates_the_next_one():
    """There are 38 attempts with one Job at a time. contextVersion is incremented, and retryCount remains 0."""
    jobs = steps_about(("02", "15"), "Job")
    created = [step for step in jobs if not step.gone and "status" not in step.item]
    deleted = [step.at for step in jobs if step.gone]
    ended = [
        seconds_of(step.item["status"]["completionTime"])
        for step in jobs
        if "succeeded" in step.item.get("status", {})
    ]
    assert len(created) == 38
    assert [step.at for step in created[1:]] == [end + 10 for end in ended]
    assert deleted == [end + 1 for end in ended]
    runs = steps_about(("02", "15"), "CodeRun")
    assert [step.at for step in runs if "status" in step.item][1:-1:2] == deleted
    assert {step.item["status"]["retryCount"] for step in runs if "status" in step.item} == {0}
    assert [step.item["spec"]["contextVersion"] for step in runs] == sorted(
        step.item["spec"]["contextVersion"] for step in runs
    )


def test_between_two_attempts_the_status_names_the_deleted_job():
    """There is no Job from 5 s before the snapshot until 90 s after it. Then the Job of attempt 2 is created."""
    files = ("02", "19")
    assert [key[2] for key in states_of(files, until=SNAPSHOT - 6) if key[0] == "Job"] == [
        "play-coderun-task-5-blaze-claude-agent-pl-7a1b2c3d-2a000000-v1"
    ]
    assert [key for key in states_of(files, until=SNAPSHOT + 89) if key[0] == "Job"] == []
    later = states_of(files, until=SNAPSHOT + 90)
    run = later["CodeRun", "agent-platform", "cto-parallel-test-t5-implementation-q9w8e"]
    assert run["status"]["jobName"] in [key[2] for key in later if key[0] == "Job"]


def test_the_job_of_a_finished_run_is_deleted_after_a_minute():
    """The phase is Running until the Job is Complete."""
    steps = steps_about(("02", "10"), "CodeRun", "cto-parallel-test-t2-quality-b4vfn")
    phases = [(step.at - SNAPSHOT, step.item.get("status", {}).get("phase")) for step in steps]
    assert phases == [(-1200, None), (-1190, "Running"), (-180, "Succeeded"), (-120, "Succeeded")]
    jobs = steps_about(("02", "10"), "Job", "play-coderun-task-2-cleo-claude-agent-pla-6a1b2c3d-2a000000-v1")
    assert [(step.at - SNAPSHOT, step.gone) for step in jobs] == [
        (-1190, False),
        (-1190, False),
        (-180, False),
        (-120, True),
    ]


def test_a_configmap_that_a_later_file_replaces_is_healthy_at_first():
    """In the first incident, the templates are lost when the run is created."""
    steps = steps_about(("02", "10", "11"), "ConfigMap", "controller-agent-templates-claude")
    assert [bool(step.item.get("binaryData")) for step in steps] == [True, False]
    assert steps[1].at == SNAPSHOT - 720
