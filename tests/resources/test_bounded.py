"""Label values of counters: bounded, exact as long as there is room, and never counted for another agent."""

import logging

from exporter.resources.bounded import OTHER, Bounded


def bounded():
    """One as Jobs are counted by: namespace, agent, service. What is admitted is noted in the list beside it."""
    begun = []
    return Bounded(
        begin=lambda *labels: begun.append(labels),
        fallbacks=lambda namespace, agent, _: [(namespace, agent, OTHER), (OTHER, agent, OTHER)],
    ), begun


def test_a_combination_is_admitted_once():
    """And stays: its counter begins once."""
    labels, begun = bounded()
    assert labels("n", "tess", "s") == labels("n", "tess", "s") == ("n", "tess", "s")
    assert begun == [("n", "tess", "s")]


def test_a_namespace_has_200_combinations_and_then_counts_by_agent_alone():
    """What is known stays exact; a new service of a known agent is counted for that agent."""
    labels, _ = bounded()
    for number in range(200):
        labels("n", "tess", f"s{number}")
    assert labels("n", "tess", "s0") == ("n", "tess", "s0")
    assert labels("n", "tess", "s200") == ("n", "tess", OTHER)


def test_a_hundred_thousand_invented_agents_leave_room_for_other_namespaces():
    """One tenant cannot hide the failures of another, and the number of series is bounded."""
    labels, begun = bounded()
    for number in range(100_000):
        labels("evil", f"agent-{number}", "s")
    assert len(begun) == 600
    assert labels("shop", "tess", "s") == ("shop", "tess", "s")


def test_many_namespaces_together_have_1000_combinations_on_each_level():
    """Beyond them the namespace is other, and the agent is still its own."""
    labels, begun = bounded()
    for number in range(2_000):
        labels(f"n{number}", "tess", "s")
    assert labels("late", "rex", "s") == (OTHER, "rex", OTHER)
    assert len(begun) == 2_001


def test_what_finds_no_room_is_not_counted_and_the_log_says_so_once(caplog):
    """Rather than for another agent."""
    labels, _ = bounded()
    with caplog.at_level(logging.WARNING):
        found = {labels("evil", f"agent-{number}", "s") for number in range(1_000)}
    assert None in found
    assert all(one is None or one[1].startswith("agent-") for one in found)
    assert len(caplog.records) == 1
