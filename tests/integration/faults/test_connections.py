"""Connections that break, and connections that only seem to live."""

import pytest

from tests.integration.faults.changes import change
from tests.integration.faults.proxy import Fault, FaultProxy
from tests.integration.faults.report import Report
from tests.integration.faults.subject import IDLE_SECONDS, Subject
from tests.integration.waiting import until
from tests.integration.workplace import Workplace

pytestmark = pytest.mark.timeout(180)


@pytest.mark.fault("half-open connections: nothing arrives, nothing ends")
def test_a_half_open_connection_is_given_up(place: Workplace, proxy: FaultProxy, subject: Subject, report: Report):
    """After so many seconds of silence, and what happened meanwhile is not lost."""
    with subject.enduring() as endured:
        proxy.silence()
        change(place)
        until(lambda: set(subject.states().values()) == {"unreachable"}, what="unreachable")
        proxy.silence(silent=False)
        endured.mended()
    report.note(endured)
    for resource in ("coderuns", "jobs", "configmaps"):
        assert endured.turns_of(resource) == ["unreachable", "watching"]
    assert all("silence" in turn.detail for turn in endured.turns if turn.state == "unreachable")
    assert subject.value("coderun_exporter_errors_total", code="timeout") >= 3
    assert IDLE_SECONDS < 90


@pytest.mark.fault("connection reset in mid-object")
@pytest.mark.parametrize("kind", ["list", "watch"])
def test_a_reset_in_mid_object_loses_nothing(
    place: Workplace, proxy: FaultProxy, subject: Subject, report: Report, kind: str
):
    """Half an object is none: it is read again."""
    with subject.enduring() as endured:
        proxy.strike(Fault(kind=kind, after=700, then="reset"))
        proxy.cut()
        change(place)
        until(lambda: subject.value("coderun_exporter_errors_total", code="cut") >= 3, what="answers that were cut")
        proxy.strike(Fault())
        proxy.cut()
        endured.mended()
    report.note(endured)
