"""The label values of counters are bounded. Known values stay exact, and no agent is counted for another."""

import logging

from exporter.resources.bounded import OTHER, Bounded


def bounded():
    """A `Bounded` for namespace, agent and service, and the list of the combinations that it has admitted."""
    admitted = []
    return Bounded(
        initialize=lambda *labels: admitted.append(labels),
        fallbacks=lambda namespace, agent, _: [(namespace, agent, OTHER), (OTHER, agent, OTHER)],
    ), admitted


def test_a_combination_is_admitted_once():
    """Its counter is created once and remains."""
    labels, admitted = bounded()
    assert labels("n", "tess", "s") == labels("n", "tess", "s") == ("n", "tess", "s")
    assert admitted == [("n", "tess", "s")]


def test_a_namespace_has_200_combinations_and_then_counts_by_agent_only():
    """Known combinations stay exact. A new service of a known agent is counted as `other` for that agent."""
    labels, _ = bounded()
    for number in range(200):
        labels("n", "tess", f"s{number}")
    assert labels("n", "tess", "s0") == ("n", "tess", "s0")
    assert labels("n", "tess", "s200") == ("n", "tess", OTHER)


def test_100000_invented_agents_leave_room_for_other_namespaces():
    """One tenant cannot hide the failures of another, and the number of series is bounded."""
    labels, admitted = bounded()
    for number in range(100_000):
        labels("evil", f"agent-{number}", "s")
    assert len(admitted) == 600
    assert labels("shop", "tess", "s") == ("shop", "tess", "s")


def test_all_namespaces_together_have_1000_combinations_at_each_level():
    """After that the namespace is `other`, and the agent is still exact."""
    labels, admitted = bounded()
    for number in range(2_000):
        labels(f"n{number}", "tess", "s")
    assert labels("late", "rex", "s") == (OTHER, "rex", OTHER)
    assert len(admitted) == 2_001


def test_a_combination_that_does_not_fit_is_not_counted_and_logged_once(caplog):
    """Counting it for another agent would be wrong."""
    labels, _ = bounded()
    with caplog.at_level(logging.WARNING):
        found = {labels("evil", f"agent-{number}", "s") for number in range(1_000)}
    assert None in found
    assert all(one is None or one[1].startswith("agent-") for one in found)
    assert len(caplog.records) == 1
