"""With the shipped profiles, each test object has the state and the worker that its annotations expect."""

import pytest

from tests.objects import CREATED
from tests.profiles.platform_objects import FOLDER, PlatformObjects, expected

PLATFORMS = {
    "kelos": ["tasks.kelos.dev"],
    "kubeopencode": ["tasks.kubeopencode.io"],
    "agent-sandbox": ["sandboxes.agents.x-k8s.io", "sandboxclaims.extensions.agents.x-k8s.io"],
    "plain-jobs": ["jobs.batch", "buildkite"],
}
PLATFORM_OBJECTS = {folder: PlatformObjects(folder, names, now=CREATED) for folder, names in PLATFORMS.items()}
RUNS = [
    pytest.param(PLATFORM_OBJECTS[folder], item, id=f"{folder}:{item['kind']}/{item['metadata']['name']}")
    for folder in PLATFORMS
    for item in PLATFORM_OBJECTS[folder].objects
    if expected(item)
]


@pytest.mark.parametrize(("platform", "item"), RUNS)
def test_a_run_has_the_expected_state(platform, item):
    """A Job that is not a run has the expected state `not-a-run`."""
    assert platform.state(item) == expected(item)["state"]


@pytest.mark.parametrize(("platform", "item"), [run for run in RUNS if "worker" in expected(run.values[1])])
def test_the_worker_of_a_run_is_found(platform, item):
    """The worker executes the run: it is a Job, a Pod, a Pod of a pool, another run, or the run itself."""
    assert platform.worker(item) == expected(item)["worker"]


@pytest.mark.parametrize(("platform", "item"), RUNS)
def test_no_phase_of_a_platform_is_unknown(platform, item):
    """An alert reports unknown phases, so a shipped profile must list every value that its controllers write."""
    if item["apiVersion"] != "batch/v1":
        assert platform.run(item).phase_label != "other"


def test_every_directory_of_objects_is_tested_and_has_several_states():
    """Without this test, a directory that is not listed would not be tested."""
    assert set(PLATFORMS) == {path.name for path in FOLDER.iterdir()}
    for folder, platform in PLATFORM_OBJECTS.items():
        assert len({expected(item)["state"] for item in platform.objects if expected(item)}) >= 3, folder
