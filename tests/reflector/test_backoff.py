"""How long to wait before the next try."""

import pytest

from exporter.reflector import Backoff


def test_it_doubles_up_to_half_a_minute():
    """Half a second first."""
    backoff = Backoff(chance=lambda: 1.0)
    assert [backoff.next() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_chance_takes_away_up_to_half():
    """So that a fleet does not come back at the same moment."""
    backoff = Backoff(first=8, chance=lambda: 0.0)
    assert [backoff.next(), backoff.next()] == [4, 8]


def test_chance_is_real_by_default():
    """Two of them differ."""
    assert len({Backoff().next() for _ in range(10)}) > 1


def test_success_makes_the_next_wait_short_again():
    """By `reset`."""
    backoff = Backoff(chance=lambda: 1.0)
    backoff.next()
    backoff.next()
    backoff.reset()
    assert backoff.next() == 0.5


def test_the_servers_wish_is_a_least_and_is_spread_as_well():
    """It told all its clients the same number."""
    assert Backoff(chance=lambda: 0.0).next(at_least=7) == 7.25
    assert Backoff(chance=lambda: 1.0).next(at_least=7) == 7.5


@pytest.mark.parametrize("wish", [float("inf"), 86_400 * 365])
def test_nobody_is_sent_away_for_a_year(wish):
    """A Retry-After that long would stop the exporter for good."""
    assert Backoff(chance=lambda: 0.0).next(at_least=wish) == 300.25


def test_a_thousand_tries_do_not_overflow():
    """A server that is away for days."""
    backoff = Backoff(chance=lambda: 1.0)
    assert {backoff.next() for _ in range(2000)} == {0.5, 1, 2, 4, 8, 16, 30}
