"""Versions that are too old to go on from: 410 Gone, which is normal life."""

import dataclasses
import threading

import pytest

from lab.controlplane.objects import code_run
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.faults.proxy import Asked, Fault, FaultProxy
from lab.waiting import until
from tests.integration.faults.answers import LIST_AGAIN, PAGES_ONLY
from tests.integration.faults.changes import change
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject
from tests.integration.faults.told import READ
from tests.integration.load import in_bulk

pytestmark = pytest.mark.timeout(180)

MORE_THAN_A_PAGE = 520


@pytest.fixture
def idle() -> float:
    """Longer than an API server takes to come back: here a request may wait for that."""
    return 60.0


@pytest.mark.fault("etcd compacted: 410 in a watch")
def test_a_watch_from_a_forgotten_version_lists_again(
    control_plane: ControlPlane, platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report
):
    """What happened between the version and the list is not lost, and the log has nothing to tell."""
    back = threading.Event()
    with subject.enduring() as endured:
        proxy.strike(Fault(kind="watch", times=len(READ), held=lambda: not back.is_set()))
        proxy.end()
        until(lambda: sum(proxy.struck().values()) == len(READ), what="all watches are about to continue")
        change(platform)
        _forget_versions(control_plane, platform)
        back.set()
        until(lambda: subject.value("coderun_exporter_errors_total", code="410") == len(READ), what="410")
        endured.mended()
    report.note(endured)
    assert not endured.turns
    assert [_lists(proxy, resource) for resource in READ] == [2] * len(READ)


@pytest.mark.fault("etcd compacted: 410 between two pages of a list")
def test_a_list_whose_next_page_is_forgotten_begins_again(
    control_plane: ControlPlane, platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report
):
    """By a server that has no streamed lists; of two halves of two versions nothing reaches the page."""
    in_bulk(
        control_plane, (("POST", platform.runs, code_run(f"many-{number}")) for number in range(MORE_THAN_A_PAGE))
    )
    back = threading.Event()
    with subject.enduring() as endured:
        proxy.strike(
            dataclasses.replace(PAGES_ONLY, path="coderuns"),
            dataclasses.replace(LIST_AGAIN, path="coderuns", times=1),
            Fault(kind="page", path="coderuns", times=1),
            Fault(kind="page", path="coderuns", times=1, held=lambda: not back.is_set()),
        )
        proxy.end()
        until(lambda: any(map(_goes_on, proxy.asked)), what="the second page is asked for")
        change(platform)
        _forget_versions(control_plane, platform)
        back.set()
        until(lambda: len(list(filter(_goes_on, proxy.asked))) == 2, what="a second page of a second list")
        endured.mended()
    report.note(endured)
    assert not endured.turns_of("coderuns")
    assert subject.value("coderun_exporter_errors_total", resource="coderuns", code="410") == 2
    assert subject.value("coderun_exporter_resource_objects", resource="coderuns") == MORE_THAN_A_PAGE + 14


def _forget_versions(plane: ControlPlane, platform: PlatformNamespace) -> None:
    """And wait until watches are served: a ready server may have to fill its caches first, and says 429."""
    plane.forget_versions()
    for path in (platform.runs, platform.jobs, platform.config_maps):
        until(lambda path=path: plane.request("GET", f"{path}?watch=true&resourceVersion=1")[0] == 200, what=path)


def _lists(proxy: FaultProxy, resource: str) -> int:
    return len([asked for asked in proxy.asked if asked.resource == resource and asked.kind != "watch"])


def _goes_on(asked: Asked) -> bool:
    return "continue" in asked.query
