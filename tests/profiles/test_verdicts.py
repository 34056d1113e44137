"""Objects of other platforms, from the API server to the shipped rules: the alerts that fire are as each carries it.

Objects appear at their creation, with the status that they have at the snapshot.
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
from tests.profiles.test_platforms import PLATFORMS
from tests.profiles.world import FOLDER, World, expected

pytestmark = [pytest.mark.needs("promtool"), pytest.mark.timeout(120)]

BEFORE = 20 * MINUTE
"""From the start of the exporter to the snapshot: longer than the rules look back on their samples."""
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
"""Where the run is a Job."""

INHIBITED = {
    "CodeRunJobCreationStalled": {"CodeRunNotReconciled"},
    "AgentFinishedNotExited": {"AgentJobHanging"},
    "AgentJobWithoutPod": {"AgentJobHanging"},
    "AgentPodNotStarting": {"AgentJobHanging"},
}
"""Symptoms, by the alert about the same object that explains them."""

ALLOWED = {"AgentJobsWithoutDeadline"}
"""Of a namespace, for reading: wherever a Job has no deadline."""

WORLDS = {folder: World(folder, names, now=SNAPSHOT) for folder, names in PLATFORMS.items()}
RUNS = [
    pytest.param(folder, item, id=f"{folder}:{item['kind']}/{item['metadata']['name']}")
    for folder in PLATFORMS
    for item in WORLDS[folder].objects
    if expected(item)
]


def history_of(folder, objects):
    """Each object from its creation on."""
    begin = SNAPSHOT - BEFORE
    crds = [item for path in (FOLDER / folder).glob("00-*.yaml") for item in documents(path, snapshot=SNAPSHOT)]
    kinds = {"Namespace", "Job", "Pod", *(kind.kind for kind in WORLDS[folder].kinds)}
    steps = [Step(at=begin, item=item) for item in crds]
    for item in objects:
        if item["kind"] in kinds:
            born = item["metadata"].get("creationTimestamp")
            steps.append(Step(at=max(begin, seconds_of(born)) if born else begin, item=item))
    return History(begin=begin, steps=tuple(sorted(steps, key=lambda step: step.at)))


@functools.cache
def fired(folder, files="[1-9]*"):
    """The names of the alerts that fire, by what they are about."""
    paths = sorted((FOLDER / folder).glob(f"{files}.yaml"))
    objects = [item for path in paths for item in documents(path, snapshot=SNAPSHOT)]
    settings = {"coderuns": {"kinds": PLATFORMS[folder]}}
    played = asyncio.run(play_history(history_of(folder, objects), settings=settings, after=AFTER))
    found = {}
    for one in raised_by(played, with_texts=False):
        for key in about(folder, one.firing.labels):
            found.setdefault(key, set()).add(one.alert.name)
    return {key: names - {one for name in names for one in INHIBITED.get(name, ())} for key, names in found.items()}


def about(folder, labels):
    """The runs that an alert is about, to which the annotations of the objects are attached.

    An alert about a Pod is about each run of which it is the worker, as `coderun_job_name` says.
    """
    world = WORLDS[folder]
    if (shown := labels.get("coderun")) is not None:
        runs = ((kind, item) for item in world.objects if (kind := world.kind_of(item)) is not None)
        return [key_of(item) for kind, item in runs if kind.exposed_name(item["metadata"]["name"]) == shown]
    if (name := labels.get("job_name")) is not None:
        workers = (item for item in world.objects if item["kind"] in {"Job", "Pod"})
        return map(key_of, runs_of(world, next(item for item in workers if item["metadata"]["name"] == name)))
    return ["namespace"]


def runs_of(world, item):
    """The run of a Job or Pod, and the run for which that one works."""
    run = run_of(world, item)
    owners = {one["uid"] for one in run["metadata"].get("ownerReferences", ()) if one.get("controller")}
    return [run, *(one for one in world.objects if one["metadata"].get("uid") in owners)]


def run_of(world, item):
    """The object itself, the open run that names it, or the nearest of its owners, that carries a verdict."""
    name = item["metadata"]["name"]
    for one in world.objects if item["kind"] == "Pod" else ():
        if expected(one) and (one.get("status") or {}).get("podName") == name and world.state(one) == "open":
            return one
    while not expected(item):
        owners = {one["uid"] for one in item["metadata"]["ownerReferences"] if one.get("controller")}
        item = next(one for one in world.objects if one["metadata"].get("uid") in owners)
    return item


def key_of(item):
    """Kind and name."""
    return f"{item['kind']}/{item['metadata']['name']}"


@pytest.mark.parametrize(("folder", "item"), RUNS)
def test_the_alerts_of_a_run_are_those_of_its_verdict(folder, item):
    """All that fire from the start of the exporter on, and no other."""
    verdict = expected(item).get("verdict", "fine")
    wanted = (OF_A_JOB if item["kind"] == "Job" else {}).get(verdict, ALERTS[verdict])
    found = fired(folder).get(key_of(item), set())
    assert found == wanted


@pytest.mark.parametrize("folder", PLATFORMS)
def test_nothing_else_fires(folder):
    """No alert of a namespace, an agent or the exporter."""
    assert fired(folder).get("namespace", set()) <= ALLOWED


@pytest.mark.parametrize("folder", PLATFORMS)
def test_no_harmless_state_has_an_alert(folder):
    """Without the stuck runs, in whose shadow another alert might be silent."""
    assert {name for names in fired(folder, "10-healthy").values() for name in names} <= ALLOWED


def test_the_text_of_an_alert_names_the_kind_of_the_worker():
    """A SandboxClaim needs a Sandbox, and no Job."""
    path = FOLDER / "agent-sandbox/20-stuck.yaml"
    claims = [item for item in documents(path, snapshot=SNAPSHOT) if item["metadata"]["name"] == "s-no-pool"]
    settings = {"coderuns": {"kinds": PLATFORMS["agent-sandbox"]}}
    played = asyncio.run(play_history(history_of("agent-sandbox", claims), settings=settings, after=AFTER))
    (raised,) = raised_by(played, with_texts=True)
    assert raised.annotations["summary"].startswith("SandboxClaim sandboxes/s-no-pool has had no Sandbox for 1")
    assert "The controller has created no Sandbox for this run" in raised.annotations["description"]
