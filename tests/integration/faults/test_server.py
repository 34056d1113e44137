"""The API server and its etcd: killed, frozen, and back again."""

import itertools
from typing import Any

import pytest

from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.exporting import object_samples
from lab.faults.proxy import Fault, FaultProxy
from lab.waiting import until
from tests.integration.faults.answers import LIST_AGAIN
from tests.integration.faults.changes import change
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject, samples, states
from tests.integration.faults.told import READ
from tests.integration.load import Seen, Writer

pytestmark = pytest.mark.timeout(180)

OUTAGE_SCRAPES = 20
LAST_SYNC = "coderun_exporter_resource_last_sync_timestamp_seconds"


@pytest.mark.fault("API server killed and restarted, under load")
def test_a_killed_api_server_costs_no_scrape_and_no_object(
    control_plane: ControlPlane, platform: PlatformNamespace, subject: Subject, report: Report
):
    """While it is away the last whole page stands still and says so; afterwards the page is what the server has."""
    with subject.enduring() as endured:
        with Writer(platform) as writer:
            until(lambda: writer.writes > 60, what="load before the fault", seconds=60)
            control_plane.kill_api_server()
            _wait_for_outage(subject)
            control_plane.outdate()
            control_plane.start_api_server()
            endured.mended()
            before = writer.writes
            until(lambda: writer.writes > before + 20, what="load after the fault", seconds=60)
        until(lambda: _on_page(subject.page()) == _in_api_server(platform), what="the page is what the server has")
    report.note(endured)
    for resource in READ:
        assert endured.turns_of(resource) == ["unreachable", "watching"]
    _check_outage(endured.scrapes)
    assert subject.value("coderun_exporter_errors_total", code="410") == len(READ)


@pytest.mark.fault("API server frozen: no response, no closed connection")
def test_a_frozen_api_server_is_noticed(
    control_plane: ControlPlane, platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report
):
    """It holds its connections open, and takes new ones: only time can tell. Thawed, it goes on where it was."""
    with subject.enduring() as endured:
        proxy.strike(Fault(beats=False))
        proxy.end()
        until(lambda: sum(proxy.struck().values()) == len(READ), what="everything is watched")
        control_plane.freeze_api_server()
        try:
            until(lambda: set(subject.states().values()) == {"unreachable"}, what="silence is told")
        finally:
            control_plane.freeze_api_server(frozen=False)
            proxy.strike()
        endured.mended()
        change(platform)
    report.note(endured)
    for resource in READ:
        assert endured.turns_of(resource) == ["unreachable", "watching"]
    assert all("no data" in turn.detail for turn in endured.turns if turn.state == "unreachable")
    assert subject.value("coderun_exporter_errors_total", code="timeout") >= len(READ)


@pytest.mark.fault("etcd killed and restarted under a running API server")
def test_an_api_server_without_its_etcd_loses_nothing(
    control_plane: ControlPlane, platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report
):
    """It lists nothing then: who asks for a list keeps the last one, and what is on it."""
    with subject.enduring() as endured:
        control_plane.kill_etcd()
        try:
            proxy.strike(LIST_AGAIN)
            proxy.end()
            until(lambda: set(subject.states().values()) == {"unreachable"}, what="the page says so")
        finally:
            control_plane.start_etcd()
        proxy.strike()
        until(lambda: control_plane.request("GET", "/readyz")[0] == 200, what="the API server is ready again")
        endured.mended()
        change(platform)
    report.note(endured)
    for resource in READ:
        assert endured.turns_of(resource) == ["unreachable", "watching"]


def _wait_for_outage(subject: Subject) -> None:
    until(lambda: _is_away(subject.page()), what="the page says unreachable")
    pages = itertools.count()
    until(lambda: subject.page() and next(pages) >= OUTAGE_SCRAPES, what="scrapes during the outage")


def _is_away(page: str) -> bool:
    return states(page) == dict.fromkeys(READ, "unreachable")


def _check_outage(scrapes: list[Seen]) -> None:
    """From the first page that says unreachable on: the same objects, and a heartbeat that stands still."""
    pages = itertools.dropwhile(lambda page: not _is_away(page), (seen.page for seen in scrapes))
    away = list(itertools.takewhile(_is_away, pages))
    assert len(away) >= OUTAGE_SCRAPES
    assert len({tuple(object_samples(page)) for page in away}) == 1
    heartbeats = {tuple(samples(page, LAST_SYNC)) for page in away}
    assert len(heartbeats) == 1
    assert len(heartbeats.pop()) == len(READ)
    assert samples(scrapes[-1].page, LAST_SYNC) != samples(away[-1], LAST_SYNC)


def _in_api_server(platform: PlatformNamespace) -> set[tuple[str, ...]]:
    """A list by somebody else: ("run", NAME, JOB or nothing) and ("job", NAME, COUNT OF ACTIVE PODS)."""
    runs, jobs = (platform.ask("GET", path)["items"] for path in (platform.runs, platform.jobs))
    job_of = {job["metadata"]["ownerReferences"][0]["uid"]: job["metadata"]["name"] for job in jobs}
    return {
        *(("run", run["metadata"]["name"], job_of.get(run["metadata"]["uid"], "")) for run in runs),
        *(("job", job["metadata"]["name"], str(job["status"].get("active", 0))) for job in jobs),
    }


def _on_page(page: str) -> set[tuple[str, ...]]:
    """The same, as the page tells it."""
    told: set[tuple[str, ...]] = set()
    for line in samples(page, "coderun_job_name"):
        told.add(("run", *_labels(line, "coderun", "job_name")))
    for line in samples(page, "job_active"):
        told.add(("job", *_labels(line, "job_name"), f"{float(line.rpartition(' ')[2]):g}"))
    return told


def _labels(line: str, *names: str) -> tuple[Any, ...]:
    return tuple(line.partition(f'{name}="')[2].partition('"')[0] for name in names)
