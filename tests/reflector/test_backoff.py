"""The wait before the next request."""

import pytest

from exporter.reflector import Backoff


def test_the_wait_doubles_up_to_30_seconds():
    """The first wait is half a second."""
    backoff = Backoff(chance=lambda: 1.0)
    assert [backoff.next() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_up_to_half_of_the_wait_is_random():
    """Replicas must not all retry at the same moment."""
    backoff = Backoff(first=8, chance=lambda: 0.0)
    assert [backoff.next(), backoff.next()] == [4, 8]


def test_waits_are_random_by_default():
    """The first waits of new Backoffs differ."""
    assert len({Backoff().next() for _ in range(10)}) > 1


def test_reset_returns_to_the_first_wait():
    """The reflector calls `reset` after a success."""
    backoff = Backoff(chance=lambda: 1.0)
    backoff.next()
    backoff.next()
    backoff.reset()
    assert backoff.next() == 0.5


def test_retry_after_is_a_minimum_with_random_time_added():
    """The server sends the same value to all its clients."""
    assert Backoff(chance=lambda: 0.0).next(at_least=7) == 7.25
    assert Backoff(chance=lambda: 1.0).next(at_least=7) == 7.5


@pytest.mark.parametrize("retry_after", [float("inf"), 86_400 * 365])
def test_retry_after_is_limited_to_5_minutes(retry_after):
    """A very long Retry-After would stop the exporter for good."""
    assert Backoff(chance=lambda: 0.0).next(at_least=retry_after) == 300.25


def test_a_thousand_retries_do_not_overflow():
    """An API server may be down for days."""
    backoff = Backoff(chance=lambda: 1.0)
    assert {backoff.next() for _ in range(2000)} == {0.5, 1, 2, 4, 8, 16, 30}
