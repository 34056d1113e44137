"""Connections that break, and connections that only seem to live.

Three constants bound how long the exporter waits for a server that says nothing; here IDLE_SECONDS stands for each.
"""

import pytest

from exporter.kube import client
from exporter.reflector import watching
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.faults.fault import Fault
from lab.faults.proxy import FaultProxy
from lab.waiting import until
from tests.integration.faults.answers import LIST_AGAIN, PAGES_ONLY
from tests.integration.faults.changes import change
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject
from tests.integration.faults.told import MAIN, READ, errors, one_line_each, until_counted

pytestmark = pytest.mark.timeout(180)

SILENCE = dict.fromkeys(READ, "timeout")


@pytest.mark.fault("half-open connections: no data, no end")
def test_a_half_open_connection_is_given_up(
    platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report
):
    """After 90 s of silence in a watch or a streamed list; the server sends a bookmark each minute."""
    with subject.enduring() as endured:
        proxy.silence()
        change(platform)
        until(lambda: set(subject.states().values()) == {"unreachable"}, what="unreachable")
        proxy.silence(silent=False)
        endured.mended()
    report.note(endured)
    assert one_line_each(endured)
    assert all("no data" in turn.detail for turn in endured.turns if turn.state == "unreachable")
    assert errors(subject, code="timeout") >= len(READ)
    assert watching.IDLE_SECONDS == 90


@pytest.mark.fault("connections that are accepted and never answered")
def test_a_connection_that_nobody_reads_from_is_given_up(
    platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report
):
    """After 10 s, which are for TCP and TLS together."""
    with subject.enduring() as endured:
        proxy.deafen()
        proxy.cut()
        change(platform)
        until_counted(subject, SILENCE, times=1)
        proxy.deafen(deaf=False)
        endured.mended()
    report.note(endured)
    assert one_line_each(endured)
    assert client._CONNECT_TIMEOUT_SECONDS == 10


@pytest.mark.fault("connections that are accepted and never answered")
def test_a_page_that_never_comes_is_given_up(
    platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report
):
    """After 60 s; a watch or a streamed list that never begins after 90 s, as a half-open one."""
    with subject.enduring() as endured:
        proxy.strike(LIST_AGAIN, PAGES_ONLY, Fault(kind="page", then="silence", delay=3600))
        proxy.end()
        change(platform)
        until_counted(subject, SILENCE, times=1)
        proxy.strike()
        endured.mended()
    report.note(endured)
    assert one_line_each(endured)
    assert client._RESPONSE_TIMEOUT_SECONDS == 60


@pytest.mark.fault("a response that ends inside an object: reset, closed, ended regularly")
@pytest.mark.parametrize("kind", ["list", "watch"])
def test_half_an_object_is_none(
    platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report, kind: str
):
    """It is read again, also where the answer ends in good order in the middle of an object."""
    with subject.enduring() as endured:
        proxy.strike(
            *([LIST_AGAIN] if kind == "list" else []),
            Fault(kind=kind, path="/coderuns", after=500, then="reset", times=2),
            Fault(kind=kind, path="/jobs", after=500, then="close", times=2),
            Fault(kind=kind, path="/configmaps", after=200, then="end", times=2),
        )
        proxy.end()
        change(platform)
        until_counted(subject, dict.fromkeys(MAIN, "cut"), times=2)
        proxy.strike()
        endured.mended()
    report.note(endured)
    assert one_line_each(endured, of=MAIN)
