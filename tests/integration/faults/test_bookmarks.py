"""Servers and proxies that drop bookmarks: a streamed list then has no end, and a quiet watch no sign of life."""

import pytest

from exporter.reflector import streaming
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.faults.fault import Fault
from lab.faults.proxy import FaultProxy
from lab.waiting import until
from tests.integration.faults.answers import LIST_AGAIN
from tests.integration.faults.changes import change
from tests.integration.faults.report import Report
from tests.integration.faults.subject import IDLE_SECONDS, Subject
from tests.integration.faults.told import READ, errors, until_counted

pytestmark = pytest.mark.timeout(180)

STREAMED = "coderun_exporter_resource_list_streamed"


@pytest.mark.fault("bookmarks are dropped, so that a streamed list never ends")
def test_a_streamed_list_that_never_ends_is_read_in_pages(
    platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report
):
    """After 10 s, and it is remembered: the next list is read in pages at once. What was read before stays."""
    dropping = Fault(drops=b'"type":"BOOKMARK"')
    again = Fault(kind="watch", answer=LIST_AGAIN.answer, times=len(READ))
    with subject.enduring() as endured:
        proxy.strike(again, dropping)
        proxy.end()
        change(platform)
        until_counted(subject, dict.fromkeys(READ, "endless"), times=1)
        until(lambda: subject.value(STREAMED) == 0, what="all are read in pages")
        streams = sum(one.kind == "stream" for one in proxy.asked)
        proxy.strike(again, dropping)
        proxy.end()
        until(lambda: errors(subject, code="410") >= 2 * len(READ), what="all are listed again")
        endured.mended()
    report.note(endured)
    assert endured.turns == []
    assert sum(one.kind == "stream" for one in proxy.asked) == streams
    assert "lists in pages" in subject.readiness()
    assert streaming._PROGRESS_SECONDS == 10


@pytest.mark.fault("bookmarks are dropped, and no object changes")
def test_a_quiet_watch_without_bookmarks_is_up_to_date(
    platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report
):
    """It is watched again after 90 s of silence, without a word; a change is seen at once."""
    with subject.enduring() as endured:
        proxy.strike(Fault(kind="watch", drops=b'"type":"BOOKMARK"', beats=False))
        proxy.end()
        begun = len(proxy.asked)
        until(lambda: len(proxy.asked) >= begun + 3 * len(READ), what="watched again, three times")
        change(platform)
        endured.mended()
    report.note(endured)
    assert endured.turns == []
    assert errors(subject) == 0
    assert endured.whole_after < IDLE_SECONDS
