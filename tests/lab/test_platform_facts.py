"""The simulator writes only fields and values that real objects have, in the order of the real controller."""

import asyncio
import random

import pytest

from lab.apiserver import StandInApiServer
from lab.clock import seconds_of
from lab.platform.controller import Platform
from lab.platform.generations import NEWEST, NOVEMBER
from lab.platform.manifests import RunSpec
from lab.platform.writer import Writer
from lab.timelapse.players import Nodes
from tests.lab.platform_facts import JOB_STATUSES, facts_of, job_shape, known_facts, objects_of

NOON = seconds_of("2025-11-02T12:00:00Z")
ORDERS = (
    RunSpec(task=1, agent="Rex", work_seconds=60),
    RunSpec(task=2, agent="Cipher", cli="codex", work_seconds=60, exits=("1", "0")),
    RunSpec(task=3, agent="Tess", cli="factory", work_seconds=60, exits=("never",)),
    RunSpec(task=4, agent="Blaze", cli="cursor", work_seconds=60, empty_attempts=99),
    RunSpec(task=5, agent="Cleo", work_seconds=3000),
    RunSpec(task=6, agent="Cleo", exits=("no-pod",)),
    RunSpec(task=7, agent="Rex", exits=("pending",)),
)
LATER_ORDERS = (RunSpec(task=8, agent="Rex"), RunSpec(task=9, agent="Tess", cli="codex"))
UNDECODABLE = RunSpec(task=10, agent="", cli="")


class Simulation:
    """A platform of one version on a stand-in API server. All states of all objects are recorded."""

    def __init__(self, writer, generation):
        self.now = NOON
        self.writer = writer
        self.generation = generation
        clock = lambda: self.now  # noqa: E731 - a clock for tests
        self.platform = Platform(writer=writer, clock=clock, generation=generation)
        self.nodes = Nodes(ahead=0.0, writer=writer, clock=clock, generation=generation)
        self.states = []

    async def rounds(self, number, *, seconds=20):
        """Runs the controllers `number` times, and records the state after each of their steps."""
        for _ in range(number):
            self.now += seconds
            for step in (self.platform.reconcile, self.nodes.advance):
                await step()
                runs = await self.writer.items(self.generation.runs)
                self.states.append((runs, await self.writer.items(self.generation.jobs)))

    @property
    def runs(self):
        """All states of all runs."""
        return [run for runs, _ in self.states for run in runs]

    @property
    def jobs(self):
        """All states of all Jobs."""
        return [job for _, jobs in self.states for job in jobs]


async def november(simulation):
    """A day with all situations of November 2025 that the simulator supports."""
    await simulation.platform.install()
    await simulation.platform.order(ORDERS)
    await simulation.rounds(8)
    await simulation.nodes.suspend(ORDERS[4].name, suspended=True)
    await simulation.rounds(2)
    await simulation.nodes.suspend(ORDERS[4].name, suspended=False)
    await simulation.rounds(2)
    await simulation.platform.lose_templates("claude")
    await simulation.platform.order(LATER_ORDERS)
    await simulation.rounds(3)
    await simulation.platform.end_leftovers(ORDERS[2:3])
    await simulation.platform.restore_templates("claude")
    await simulation.rounds(3)
    await simulation.platform.delete_jobs(ORDERS[6:7])
    await simulation.nodes.restart_node(random.Random(1))  # noqa: S311 - simulated, not a secret
    await simulation.rounds(3)
    await simulation.writer.delete(f"{NOVEMBER.runs}/{ORDERS[5].name}")
    await simulation.platform.order([UNDECODABLE])
    await simulation.platform.order([RunSpec(task=11, agent="Rex")])
    await simulation.rounds(3)


async def newest(simulation):
    """Work, an image whose templates cannot be rendered, the previous image again, and a Job with a deadline."""
    orders = [
        RunSpec(task=task, agent=agent, work_seconds=90_000, generation=NEWEST)
        for task, agent in enumerate(("Rex", "Blaze"))
    ]
    await simulation.platform.install()
    await simulation.platform.order(orders[:1])
    await simulation.rounds(3)
    await simulation.platform.roll_out(missing_partial="frontend-toolkits")
    await simulation.platform.order(orders[1:])
    await simulation.rounds(2)
    await simulation.platform.roll_out()
    await simulation.platform.order([RunSpec(task=5, agent="Rex", work_seconds=60, generation=NEWEST)])
    await simulation.rounds(8)
    await simulation.rounds(2, seconds=86_400)


@pytest.fixture(scope="module")
def november_simulation():
    """The day of November 2025. It is simulated once."""
    return asyncio.run(_simulate(NOVEMBER, november))


@pytest.fixture(scope="module")
def newest_simulation():
    """The day of the newest version. It is simulated once."""
    return asyncio.run(_simulate(NEWEST, newest))


async def _simulate(generation, script):
    simulation = None
    server = StandInApiServer(clock=lambda: simulation.now if simulation else NOON)
    url = await server.start()
    try:
        async with Writer(base_url=url) as writer:
            simulation = Simulation(writer, generation)
            await script(simulation)
            simulation.configmaps = await writer.items(generation.configmaps)
            return simulation
    finally:
        await server.stop()


@pytest.fixture(params=["november", "newest"])
def simulation(request, november_simulation, newest_simulation):
    """The test runs with each of the two simulations."""
    return november_simulation if request.param == "november" else newest_simulation


def test_each_field_and_value_of_a_runs_status_is_in_an_object_set(simulation):
    """Examples are phase, message, retryCount and conditions. Other values are never written."""
    known = known_facts("CodeRun", "status")
    written = {fact for run in simulation.runs for fact in facts_of(run.get("status", {}))}
    assert written - known == set()
    assert len(written) > 8


def test_the_fields_of_a_status_occur_together_in_an_object_set(simulation):
    """No status has a field that real objects with the same phase do not have."""
    shown = {}
    for run in objects_of("CodeRun"):
        status = run.get("status", {})
        shown.setdefault(status.get("phase"), {"conditions"} if status else set()).update(status)
    for run in simulation.runs:
        status = run.get("status", {})
        assert set(status) <= shown[status.get("phase")]


def test_work_is_completed_only_with_succeeded_and_after_the_job(simulation):
    """`workCompleted` is false while a Job works or hangs, and true after the Job was Complete."""
    seen = set()
    complete = set()
    for runs, jobs in simulation.states:
        ends = {
            job["metadata"]["ownerReferences"][0]["uid"]: {
                each["type"] for each in job["status"].get("conditions", ()) if each["status"] == "True"
            }
            for job in jobs
            if "status" in job
        }
        for run in runs:
            uid, status = run["metadata"]["uid"], run.get("status", {})
            done = status.get("workCompleted")
            seen.add((status.get("phase"), done))
            assert done is not True or (status["phase"] == "Succeeded" and uid in complete)
        complete |= {uid for uid, types in ends.items() if "Complete" in types}
    assert {("Running", False), ("Succeeded", True)} <= seen


def test_a_retry_does_not_change_the_status_and_is_not_counted(november_simulation):
    """The Job is deleted and contextVersion is incremented. The phase and jobName change with the next Job."""
    attempts = {}
    for run in november_simulation.runs:
        if run["spec"]["taskId"] == 4 and "status" in run:
            assert (run["status"]["phase"], run["status"]["retryCount"]) == ("Running", 0)
            attempts.setdefault(run["spec"]["contextVersion"], []).append(run["status"]["jobName"])
    assert len(attempts) > 2
    assert all(names[0].endswith(f"-v{number - 1}") for number, names in attempts.items() if number > 1)
    assert all(names[-1].endswith(f"-v{number}") for number, names in list(attempts.items())[:-1])


def test_a_template_failure_of_november_leaves_only_a_finalizer(november_simulation):
    """The run has no status and no Job."""
    failed = [run for run in november_simulation.runs if run["metadata"]["name"] == LATER_ORDERS[0].name][:6]
    assert {run["metadata"]["finalizers"][0] for run in failed} == {"coderuns.orchestrator.io/finalizer"}
    assert not any("status" in run for run in failed)


def test_after_a_run_that_cannot_be_decoded_no_run_is_changed(november_simulation):
    """No finalizer is added, and a run that is deleted keeps its finalizer."""
    runs = {run["metadata"]["name"]: run for run in november_simulation.states[-1][0]}
    assert "finalizers" not in runs[UNDECODABLE.name]["metadata"]
    assert "finalizers" not in runs[RunSpec(task=11, agent="Rex").name]["metadata"]
    assert runs[ORDERS[5].name]["metadata"]["deletionTimestamp"]


def test_a_template_failure_of_the_newest_version_is_a_failed_run_without_a_job(newest_simulation):
    """It fails at once, with the message of the real controller. This version has no ConfigMaps with templates."""
    failed = [run for run in newest_simulation.runs if run.get("status", {}).get("phase") == "Failed"]
    owners = {job["metadata"]["ownerReferences"][0]["uid"] for job in newest_simulation.jobs}
    assert failed
    assert not owners & {run["metadata"]["uid"] for run in failed}
    assert not newest_simulation.configmaps


def test_a_jobs_status_is_one_of_the_job_controller(simulation):
    """Its fields, its counts, and the order of its conditions."""
    shapes = {job_shape(job.get("status", {})) for job in simulation.jobs}
    assert shapes - JOB_STATUSES.keys() == set()


def test_all_known_job_statuses_are_simulated(november_simulation, newest_simulation):
    """The list has no status that the simulator never writes."""
    shapes = {job_shape(job.get("status", {})) for job in (*november_simulation.jobs, *newest_simulation.jobs)}
    assert {JOB_STATUSES[shape] for shape in JOB_STATUSES.keys() - shapes} == set()


def test_names_labels_and_specs_are_in_the_object_sets(simulation):
    """Every label, field of a spec and field of an owner reference is in a real object of the namespace."""
    for kind, items in (("CodeRun", simulation.runs), ("Job", simulation.jobs)):
        real = [one for one in objects_of(kind) if one["metadata"]["namespace"] == simulation.generation.namespace]
        for part in ("labels", "finalizers", "ownerReferences"):
            known = {path for one in real for path, _ in facts_of(one["metadata"].get(part, {}))}
            assert {path for item in items for path, _ in facts_of(item["metadata"].get(part, {}))} <= known
        known = {path for one in real for path, _ in facts_of(one["spec"])} | NOT_SHOWN
        assert {path for item in items for path, _ in facts_of(item["spec"])} <= known


NOT_SHOWN = {
    *(
        f"template.metadata.annotations.demo/{name}"
        for name in ("work-seconds", "start-seconds", "exits", "empty-attempts")
    ),
    *(f"template.metadata.labels.{name}" for one in objects_of("Job") for name in one["metadata"]["labels"]),
    "suspend",
}
"""Annotations of the simulator, labels of a pod, which are those of its Job, and a field that users set."""
