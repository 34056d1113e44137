"""The shipped rules fire the expected alerts for objects of other platforms.

Each object appears at its creation time, with its status at the snapshot.
"""

import asyncio
import functools

import pytest

from lab.clock import seconds_of
from lab.worlds.history import History
from lab.worlds.loading import documents
from lab.worlds.outcomes import raised_by
from lab.worlds.player import MINUTE, SNAPSHOT, play_history
from lab.worlds.steps import Step
from tests.profiles.platform_objects import FOLDER, PlatformObjects, expected
from tests.profiles.test_platforms import PLATFORMS

pytestmark = [pytest.mark.needs("promtool"), pytest.mark.timeout(120)]

BEFORE = 20 * MINUTE
"""The time from the start of the exporter to the snapshot. It is longer than any range of the rules."""
AFTER = MINUTE

ALERTS = {
    "fine": set(),
    "no-worker": {"CodeRunJobCreationStalled"},
    "not-starting": {"AgentPodNotStarting"},
    "hanging": {"AgentJobHanging"},
    "main-exited": {"AgentFinishedNotExited"},
    "run-over-worker-alive": {"AgentFinishedNotExited"},
    "worker-not-ending": {"AgentJobWithoutPod"},
    "not-updated": {"CodeRunNotUpdated"},
    "not-ready": {"CodeRunNotReady"},
    "deleting": {"CodeRunStuckDeleting"},
}
OF_A_JOB = {"no-worker": {"AgentJobWithoutPod"}}
"""Additional alerts if the run is a Job."""

INHIBITED = {
    "CodeRunJobCreationStalled": {"CodeRunNotReconciled"},
    "AgentFinishedNotExited": {"AgentJobHanging"},
    "AgentJobWithoutPod": {"AgentJobHanging"},
    "AgentPodNotStarting": {"AgentJobHanging"},
}
"""Maps an alert to the alerts about the same object that it inhibits."""

ALLOWED = {"AgentJobsWithoutDeadline"}
"""An alert about a namespace, which fires if any Job has no deadline."""

PLATFORM_OBJECTS = {folder: PlatformObjects(folder, names, now=SNAPSHOT) for folder, names in PLATFORMS.items()}
RUNS = [
    pytest.param(folder, item, id=f"{folder}:{item['kind']}/{item['metadata']['name']}")
    for folder in PLATFORMS
    for item in PLATFORM_OBJECTS[folder].objects
    if expected(item)
]


def history_of(folder, objects):
    """The history in which each object exists from its creation on."""
    begin = SNAPSHOT - BEFORE
    crds = [item for path in (FOLDER / folder).glob("00-*.yaml") for item in documents(path, snapshot=SNAPSHOT)]
    kinds = {"Namespace", "Job", "Pod", *(kind.kind for kind in PLATFORM_OBJECTS[folder].kinds)}
    steps = [Step(at=begin, item=item) for item in crds]
    for item in objects:
        if item["kind"] in kinds:
            born = item["metadata"].get("creationTimestamp")
            steps.append(Step(at=max(begin, seconds_of(born)) if born else begin, item=item))
    return History(begin=begin, steps=tuple(sorted(steps, key=lambda step: step.at)))


@functools.cache
def firing_alerts(folder, files="[1-9]*"):
    """The names of the firing alerts, by the object that they are about."""
    paths = sorted((FOLDER / folder).glob(f"{files}.yaml"))
    objects = [item for path in paths for item in documents(path, snapshot=SNAPSHOT)]
    settings = {"coderuns": {"kinds": PLATFORMS[folder]}}
    played = asyncio.run(play_history(history_of(folder, objects), settings=settings, after=AFTER))
    found = {}
    for one in raised_by(played, with_texts=False):
        for key in runs_of_alert(folder, one.firing.labels):
            found.setdefault(key, set()).add(one.alert.name)
    return {key: names - {one for name in names for one in INHIBITED.get(name, ())} for key, names in found.items()}


def runs_of_alert(folder, labels):
    """The runs that an alert is about; their annotations have the expected verdict.

    An alert about a Pod is about each run of which it is the worker, as `coderun_job_name` says.
    """
    platform = PLATFORM_OBJECTS[folder]
    if (shown := labels.get("coderun")) is not None:
        runs = ((kind, item) for item in platform.objects if (kind := platform.kind_of(item)) is not None)
        return [key_of(item) for kind, item in runs if kind.exposed_name(item["metadata"]["name"]) == shown]
    if (name := labels.get("job_name")) is not None:
        workers = (item for item in platform.objects if item["kind"] in {"Job", "Pod"})
        return map(key_of, runs_of(platform, next(item for item in workers if item["metadata"]["name"] == name)))
    return ["namespace"]


def runs_of(platform, item):
    """The run of a Job or Pod, and the run that controls that run."""
    run = run_of(platform, item)
    owners = {one["uid"] for one in run["metadata"].get("ownerReferences", ()) if one.get("controller")}
    return [run, *(one for one in platform.objects if one["metadata"].get("uid") in owners)]


def run_of(platform, item):
    """The object itself, the open run that names it, or the nearest owner that has an expected verdict."""
    name = item["metadata"]["name"]
    for one in platform.objects if item["kind"] == "Pod" else ():
        if expected(one) and (one.get("status") or {}).get("podName") == name and platform.state(one) == "open":
            return one
    while not expected(item):
        owners = {one["uid"] for one in item["metadata"]["ownerReferences"] if one.get("controller")}
        item = next(one for one in platform.objects if one["metadata"].get("uid") in owners)
    return item


def key_of(item):
    """Returns KIND/NAME of an object."""
    return f"{item['kind']}/{item['metadata']['name']}"


@pytest.mark.parametrize(("folder", "item"), RUNS)
def test_the_alerts_of_a_run_are_those_of_its_verdict(folder, item):
    """Exactly these alerts fire between the start of the exporter and the snapshot."""
    verdict = expected(item).get("verdict", "fine")
    wanted = (OF_A_JOB if item["kind"] == "Job" else {}).get(verdict, ALERTS[verdict])
    found = firing_alerts(folder).get(key_of(item), set())
    assert found == wanted


@pytest.mark.parametrize("folder", PLATFORMS)
def test_nothing_else_fires(folder):
    """No alert fires about the namespace, an agent or the exporter."""
    assert firing_alerts(folder).get("namespace", set()) <= ALLOWED


@pytest.mark.parametrize("folder", PLATFORMS)
def test_no_healthy_object_causes_an_alert(folder):
    """The stuck runs are left out, because their alerts could inhibit others."""
    assert {name for names in firing_alerts(folder, "10-healthy").values() for name in names} <= ALLOWED


def test_the_annotations_of_an_alert_name_the_kind_of_the_worker():
    """A SandboxClaim needs a Sandbox instead of a Job."""
    path = FOLDER / "agent-sandbox/20-stuck.yaml"
    claims = [item for item in documents(path, snapshot=SNAPSHOT) if item["metadata"]["name"] == "s-no-pool"]
    settings = {"coderuns": {"kinds": PLATFORMS["agent-sandbox"]}}
    played = asyncio.run(play_history(history_of("agent-sandbox", claims), settings=settings, after=AFTER))
    (raised,) = raised_by(played, with_texts=True)
    assert raised.annotations["summary"].startswith("SandboxClaim sandboxes/s-no-pool has had no Sandbox for 1")
    assert "The controller has created no Sandbox for this run" in raised.annotations["description"]
