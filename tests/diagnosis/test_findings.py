"""Findings from the cache, where a dump cannot show them."""

from exporter.diagnosis import FAULT, NO_FAULT, findings, is_fault, verdict
from exporter.diagnosis.explaining import explanation_of
from tests.objects import CREATED, a_configmap, a_job, a_run
from tests.worlds import World, required

TOUCHED = {"finalizers": ["coderuns.orchestrator.io/finalizer"]}
NEEDED = (required("controller-agent-templates-shared"),)


def of_run(world):
    """The causes of the only run."""
    return [finding.cause for finding in findings(next(iter(world.cluster.runs)), world.cluster)]


def test_a_configmap_that_shrank_is_suspected():
    """If nothing else explains why the run has no Job."""
    run = a_run()
    run = run | {"metadata": run["metadata"] | TOUCHED}
    world = World(run, needed=NEEDED)
    for size in (10, 3):
        data = {f"k{number}": "x" * 9 for number in range(size)}
        world.put(a_configmap(name="controller-agent-templates-shared", data=data))
    assert of_run(world) == ["configmap_shrunk", "reconcile_failing"]


def test_a_run_that_waits_by_design_has_no_fault():
    """Its message says for what."""
    run = next(iter(World(a_run(status={"phase": "Running"})).cluster.runs))
    world = World(a_run())
    waiting = next(iter(world.cluster.runs))
    waiting.state, waiting.message, waiting.phase = "waiting", "Waiting for a slot", "Queued"
    (found,) = findings(waiting, world.cluster)
    assert (found.cause, found.evidence, is_fault(found, CREATED + 9e9)) == ("waiting", "Waiting for a slot", False)
    assert verdict([found], CREATED) == NO_FAULT
    assert run.state == "open"


def test_a_run_that_is_not_ready_has_its_own_words():
    """For kinds that define it."""
    world = World(a_run(status={"phase": "Running", "message": "2 pods"}))
    run = next(iter(world.cluster.runs))
    run.ready = False
    found = next(one for one in findings(run, world.cluster) if one.cause == "not_ready")
    assert found.evidence == "2 pods"


def test_many_states_are_normal_for_a_while():
    """The same finding is a fault later."""
    world = World(a_run())
    found = findings(next(iter(world.cluster.runs)), world.cluster)
    assert verdict(found, CREATED + 60) == NO_FAULT
    assert verdict(found, CREATED + 600) == FAULT


def test_a_job_of_another_namespace_explains_nothing():
    """Whoever may create Jobs there can name the UID of any run as that of the controller."""
    run = a_run(status={"phase": "Running", "jobName": "j"})
    forged = a_job(name="forged", uid="job-forged", namespace="evil", of=run, active=0)
    world = World(run, a_job(of=run), forged)
    item = next(iter(world.cluster.runs))
    assert findings(item, world.cluster) == []
    assert [one.name for one in explanation_of(item, world.cluster).workers] == ["j"]


def test_names_in_commands_are_quoted():
    """A name of an object that no API server would accept is no command."""
    world = World(a_run(name="r; rm -rf"))
    (found, *_) = findings(next(iter(world.cluster.runs)), world.cluster)
    assert found.next == "kubectl -n n get coderuns.agents.platform r_rm_-rf -o yaml"
