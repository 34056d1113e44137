"""The number of namespaces in which no log can be read, by state."""

import pytest

from exporter.log_polling.states import count_unreadable


@pytest.mark.parametrize(
    ("logs", "counts"),
    [
        ({}, {}),
        ({"a": ["error"]}, {"error": 1}),
        ({"a": ["error", "waiting", "gone", ""]}, {"error": 1}),
        ({"a": ["error", "slow", "forbidden"], "b": ["error", "slow"]}, {"forbidden": 1, "slow": 1}),
        ({"a": ["forbidden"], "b": ["forbidden"], "c": ["ok"]}, {"forbidden": 2}),
        ({"a": ["forbidden", "ok"], "b": ["slow", "empty"]}, {}),
        ({"a": ["waiting"], "b": ["gone"], "c": [""]}, {}),
    ],
)
def test_a_namespace_is_counted_once_and_only_if_none_of_its_logs_was_read(logs, counts):
    """Containers that only start or end do not count."""
    given = [(namespace, state) for namespace, states in logs.items() for state in states]
    assert count_unreadable(given) == {"forbidden": 0, "slow": 0, "error": 0} | counts
