"""Findings that need the cache and cannot be shown with a dump."""

from exporter.diagnosis import FAULT, NO_FAULT, findings, is_fault, verdict
from exporter.diagnosis.explaining import explanation_of
from tests.harness import StoreHarness, required
from tests.objects import CREATED, a_configmap, a_job, a_run

FINALIZER_METADATA = {"finalizers": ["coderuns.orchestrator.io/finalizer"]}
NEEDED = (required("controller-agent-templates-shared"),)


def causes_of_run(harness):
    """The causes of the only run."""
    return [finding.cause for finding in findings(next(iter(harness.cache.runs)), harness.cache)]


def test_a_configmap_that_shrank_is_a_possible_cause():
    """It is reported if nothing else explains why the run has no Job."""
    run = a_run()
    run = run | {"metadata": run["metadata"] | FINALIZER_METADATA}
    harness = StoreHarness(run, needed=NEEDED)
    for size in (10, 3):
        data = {f"k{number}": "x" * 9 for number in range(size)}
        harness.put(a_configmap(name="controller-agent-templates-shared", data=data))
    assert causes_of_run(harness) == ["configmap_shrunk", "reconcile_failing"]


def test_a_run_in_the_state_waiting_has_no_fault():
    """Its message says what it waits for."""
    run = next(iter(StoreHarness(a_run(status={"phase": "Running"})).cache.runs))
    harness = StoreHarness(a_run())
    waiting = next(iter(harness.cache.runs))
    waiting.state, waiting.message, waiting.phase = "waiting", "Waiting for a slot", "Queued"
    (found,) = findings(waiting, harness.cache)
    assert (found.cause, found.evidence, is_fault(found, CREATED + 9e9)) == ("waiting", "Waiting for a slot", False)
    assert verdict([found], CREATED) == NO_FAULT
    assert run.state == "open"


def test_a_run_that_is_not_ready_has_its_message_as_evidence():
    """Only kinds whose profile defines `ready` have this cause."""
    harness = StoreHarness(a_run(status={"phase": "Running", "message": "2 pods"}))
    run = next(iter(harness.cache.runs))
    run.ready = False
    found = next(one for one in findings(run, harness.cache) if one.cause == "not_ready")
    assert found.evidence == "2 pods"


def test_a_finding_becomes_a_fault_after_a_while():
    """Right after the creation of a run, the same state is normal."""
    harness = StoreHarness(a_run())
    found = findings(next(iter(harness.cache.runs)), harness.cache)
    assert verdict(found, CREATED + 60) == NO_FAULT
    assert verdict(found, CREATED + 600) == FAULT


def test_a_job_of_another_namespace_is_ignored():
    """Its author could name the UID of any run as its controller."""
    run = a_run(status={"phase": "Running", "jobName": "j"})
    forged = a_job(name="forged", uid="job-forged", namespace="evil", of=run, active=0)
    harness = StoreHarness(run, a_job(of=run), forged)
    item = next(iter(harness.cache.runs))
    assert findings(item, harness.cache) == []
    assert [one.name for one in explanation_of(item, harness.cache).workers] == ["j"]


def test_names_in_commands_are_cleaned():
    """A shell must not interpret a name from the cluster, even if Kubernetes would not allow that name."""
    harness = StoreHarness(a_run(name="r; rm -rf"))
    (found, *_) = findings(next(iter(harness.cache.runs)), harness.cache)
    assert found.next == "kubectl -n n get coderuns.agents.platform r_rm_-rf -o yaml"
