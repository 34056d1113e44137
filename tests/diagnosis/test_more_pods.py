"""A finding says how many other pods have its cause, and a list how many pods it leaves out."""

from exporter.diagnosis import findings, hang_causes
from exporter.diagnosis.explaining import explanation_of
from exporter.explaining.paint import plain
from exporter.explaining.text import format_run
from tests.diagnosis.test_many_pods import a_harness, a_pod, the_job, waiting


def explained(*pods):
    """The explanation of the run of a Job with these pods."""
    harness = a_harness(*pods)
    return explanation_of(next(iter(harness.cache.runs)), harness.cache)


def evidence(run, cause):
    """The evidence of the findings with this cause."""
    return [one.evidence for one in run.findings if one.cause == cause]


def test_pods_with_their_own_evidence():
    """Three are shown."""
    found = evidence(explained(*(a_pod(at, waiting(message=f"no image {at}")) for at in range(9))), "image_pull")
    nodes = [one.rpartition("image ")[2] for one in found]
    assert nodes == ["0; on node node0", "1; on node node1", "2; on node node2; and 6 more pods"]


def test_pods_with_the_same_evidence():
    """One is shown, and the others have the same."""
    found = evidence(
        explained(*(a_pod(at, unscheduled="Unschedulable: 0/3 nodes", node="") for at in range(2))), "unschedulable"
    )
    assert found == ["Unschedulable: 0/3 nodes; and 1 more pod"]


def test_all_pods_are_shown():
    """So there are no more. Containers of one pod are no other pods."""
    found = evidence(explained(a_pod(0, *(waiting(f"c{at}") for at in range(5)))), "image_pull")
    assert not any("more" in one for one in found)


def test_a_metric_has_no_such_number():
    """It would be a new series each time."""
    harness = a_harness(*(a_pod(at, waiting(message=f"no image {at}")) for at in range(9)))
    assert not any("more pod" in one.detail for one in hang_causes(the_job(harness), harness.cache))
    assert sum(one.more for one in findings(the_job(harness), harness.cache) if one.cause == "image_pull") == 6


def test_the_chain_ends_with_the_number_of_the_other_pods():
    """It shows the ten newest ones."""
    text = format_run(explained(*(a_pod(at, waiting()) for at in range(12))), plain)
    assert "\n      and 2 more pods\n" in text
    assert (
        "more pod"
        not in format_run(explained(*(a_pod(at, waiting()) for at in range(10))), plain).partition("Chain:")[2]
    )


def test_a_metric_has_no_node():
    """Each node would be a new series."""
    harness = a_harness(a_pod(0, waiting(message="no image")))
    (cause,) = (one for one in hang_causes(the_job(harness), harness.cache) if one.cause == "image_pull")
    assert "node0" not in cause.detail
    assert "on node node0" in evidence(explained(a_pod(0, waiting(message="no image"))), "image_pull")[0]
