"""Objects of other platforms, as they are in life: what each carries of itself is what its shipped profile says."""

import pytest

from tests.objects import CREATED
from tests.profiles.world import FOLDER, World, expected

PLATFORMS = {
    "kelos": ["tasks.kelos.dev"],
    "kubeopencode": ["tasks.kubeopencode.io"],
    "agent-sandbox": ["sandboxes.agents.x-k8s.io", "sandboxclaims.extensions.agents.x-k8s.io"],
    "plain-jobs": ["jobs.batch", "buildkite"],
}
WORLDS = {folder: World(folder, names, now=CREATED) for folder, names in PLATFORMS.items()}
RUNS = [
    pytest.param(WORLDS[folder], item, id=f"{folder}:{item['kind']}/{item['metadata']['name']}")
    for folder in PLATFORMS
    for item in WORLDS[folder].objects
    if expected(item)
]


@pytest.mark.parametrize(("world", "item"), RUNS)
def test_a_run_is_in_the_state_that_it_carries(world, item):
    """Whether it waits, works or is over; and which Jobs are no runs."""
    assert world.state(item) == expected(item)["state"]


@pytest.mark.parametrize(("world", "item"), [run for run in RUNS if "worker" in expected(run.values[1])])
def test_the_worker_of_a_run_is_found(world, item):
    """By the worker that its profile names: a Job, a pod, a pool's pod, another run, or itself."""
    assert world.worker(item) == expected(item)["worker"]


@pytest.mark.parametrize(("world", "item"), RUNS)
def test_no_value_of_a_platform_is_an_unknown_phase(world, item):
    """An alert names unknown phases: a shipped profile lists all that its controllers write."""
    if item["apiVersion"] != "batch/v1":
        assert world.run(item).phase_label != "other"


def test_every_folder_of_objects_is_tested_and_has_runs_of_several_states():
    """A folder that is not listed, or not found, would be tested with nothing."""
    assert set(PLATFORMS) == {path.name for path in FOLDER.iterdir()}
    for folder, world in WORLDS.items():
        assert len({expected(item)["state"] for item in world.objects if expected(item)}) >= 3, folder
