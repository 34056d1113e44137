"""Watches that end in good order, and far too soon."""

from itertools import pairwise

import pytest

from lab.controlplane.platform_namespace import PlatformNamespace
from lab.faults.fault import Fault
from lab.faults.proxy import FaultProxy
from lab.waiting import until
from tests.integration.faults.answers import JSON
from tests.integration.faults.changes import change
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject
from tests.integration.faults.told import READ, errors, one_line_each

pytestmark = pytest.mark.timeout(180)

SYNCED = "coderun_exporter_resource_last_sync_timestamp_seconds"


def until_each_met(proxy: FaultProxy, *, times: int) -> None:
    """The fault, so often."""
    until(lambda: all(proxy.struck()[each] >= times for each in READ), what=f"each met it {times} times")


def pauses(proxy: FaultProxy, resource: str) -> list[float]:
    """Seconds from each request that met a fault to the next request of that resource."""
    asked = [one for one in proxy.asked if one.resource == resource]
    return [later.at - one.at for one, later in pairwise(asked) if one.struck]


@pytest.mark.fault("a watch that ends every second")
@pytest.mark.parametrize("busy", [False, True])
def test_a_watch_that_ends_every_second_is_normal_life(
    platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report, busy: bool
):
    """One request a second and not one more, no line in the log, no other state; and nothing is lost in between."""
    with subject.enduring() as endured:
        proxy.strike(Fault(lasts=1.0))
        proxy.end()
        until_each_met(proxy, times=2)
        if busy:
            change(platform)
        until_each_met(proxy, times=4)
        endured.mended()
    report.note(endured)
    assert endured.turns == []
    assert errors(subject) == 0
    assert all(min(pauses(proxy, each)) > 0.95 for each in READ)


@pytest.mark.fault("a watch that always ends immediately")
def test_a_watch_that_ends_at_once_is_an_error_and_no_busy_loop(
    platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report
):
    """One line in the log, for nothing is watched meanwhile; what is exposed gets old, and its last sync says so."""
    with subject.enduring() as endured:
        synced = {each: subject.value(SYNCED, resource=each) for each in READ}
        proxy.strike(*(Fault(kind="watch", path=f"/{each}", answer=(200, JSON, b""), times=3) for each in READ))
        proxy.end()
        change(platform)
        until_each_met(proxy, times=3)
        assert {each: subject.value(SYNCED, resource=each) for each in READ} == synced
        endured.mended()
    report.note(endured)
    assert one_line_each(endured)
    assert all("very short watch" in turn.detail for turn in endured.turns if turn.state == "unreachable")
    for each in READ:
        first, second, third = pauses(proxy, each)
        assert first >= 0.25
        assert second >= 0.5
        assert third >= 1.0
