"""Pauses after a rejected request: of a namespace or of all, for a minute, with a line for the page."""

import pytest

from exporter.log_polling.pauses import Pauses
from exporter.notices import Notices

NOW = 1000.0


@pytest.fixture
def notices():
    """The lines."""
    return Notices()


@pytest.fixture
def pauses(notices):
    """None so far."""
    return Pauses(notices)


def test_a_403_pauses_its_namespace(pauses, notices):
    """The right is granted by namespace."""
    pauses.begin("a", code="403", now=NOW)
    assert [pauses.until(name, now=NOW) for name in "ab"] == [NOW + 60, None]
    assert pauses.until("a", now=NOW + 60) is None
    assert notices.lines == ["Logs cannot be read in namespace a: permit to get pods/log"]
    pauses.begin("b", code="403", now=NOW)
    assert notices.lines == ["Logs cannot be read in namespace a and 1 more: permit to get pods/log"]
    pauses.end("a")
    assert notices.lines == ["Logs cannot be read in namespace b: permit to get pods/log"]
    pauses.end("c")
    pauses.keep(["b"])
    assert len(notices.lines) == 1
    pauses.keep(["a"])
    assert (notices.lines, pauses.until("b", now=NOW)) == ([], None)


def test_a_401_pauses_all(pauses, notices):
    """Until a log is read."""
    pauses.begin("a", code="401", now=NOW)
    assert [pauses.until(name, now=NOW) for name in "ab"] == [NOW + 60] * 2
    assert notices.lines == ["Logs: the API server does not accept the credentials"]
    pauses.keep([])
    assert len(notices.lines) == 1
    pauses.end("b")
    assert (notices.lines, pauses.until("a", now=NOW)) == ([], None)


def test_a_clock_that_is_set_back_ends_a_pause(pauses):
    """It would last for as long otherwise."""
    pauses.begin("a", code="403", now=NOW)
    assert pauses.until("a", now=NOW - 1) is None
