"""The API server is killed and comes back while everything goes on: the page stays whole, and catches up."""

import itertools
import logging
import pathlib
import time
import uuid
from collections import Counter
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.controlplane import ControlPlane
from tests.integration.exporting import Exporter, objects_of, series_of
from tests.integration.load import Scraper, Seen, Writer
from tests.integration.waiting import until
from tests.integration.workplace import CLAUDE, Workplace

pytestmark = pytest.mark.timeout(180)

_log = logging.getLogger(__name__)

STEADY = 20  # runs that nobody touches
OUTAGE_SCRAPES = 20
WATCHED = ("coderuns", "jobs", "configmaps")


@pytest.fixture
def workplace(control_plane: ControlPlane) -> Workplace:
    """A namespace with runs that nobody will touch."""
    place = Workplace(control_plane, f"restart-{uuid.uuid4().hex[:8]}").open()
    place.set_templates({"code_implement.sh": "#!/bin/sh"})
    for number in range(STEADY):
        place.make_job(place.make_run(f"steady-{number}"))
        place.start_job(f"steady-{number}-job")
    return place


@pytest.fixture
def exporter(control_plane: ControlPlane, workplace: Workplace, tmp_path: pathlib.Path) -> Iterator[Exporter]:
    """An exporter that reads this test's namespace."""
    space = workplace.namespace
    settings = {"namespaces": [space], "configmaps": {"namespace": space, "required": [CLAUDE]}}
    with Exporter(tmp_path / "exporter", kubeconfig=control_plane.kubeconfig, settings=settings) as running:
        yield running


def test_a_killed_api_server_costs_no_scrape_and_no_object(
    control_plane: ControlPlane, workplace: Workplace, exporter: Exporter
):
    """While it is away the last whole page stands still and says so; afterwards the page is what the server has."""
    pid = exporter.pid
    with Scraper(exporter) as scraper:
        with Writer(workplace) as writer:
            until(lambda: writer.writes > 100, what="load before the fault", seconds=60)
            before = writer.writes
            killed = _kill(control_plane, scraper)
            back = time.monotonic()
            until(lambda: _all_in(scraper.seen[-1].page, "watching"), what="all is watched again", seconds=90)
            recovered = scraper.seen[-1].at
            until(lambda: writer.writes > before + 60, what="load after the fault", seconds=60)
        wanted = _in_api_server(workplace)
        until(lambda: _on_page(scraper.seen[-1].page) == wanted, what="the page is what the server has")
    _log.info("away for %.1f s; whole again %.1f s after ready", back - killed, recovered - back)
    _log.info("%d scrapes, %d writes, %d objects", len(scraper.seen), writer.writes, len(wanted))

    assert exporter.running()
    assert exporter.pid == pid
    _check_every_scrape(scraper.seen, workplace)
    _check_the_outage([seen for seen in scraper.seen if seen.at > killed])
    gone = [line for line in _lines(scraper.seen[-1].page, "coderun_exporter_errors_total") if 'code="410"' in line]
    assert len(gone) == len(WATCHED)


def _kill(control_plane: ControlPlane, scraper: Scraper) -> float:
    """SIGKILL to the API server, and its start when the page has stood still for a while. When it was killed.

    No version from before can be gone on from.
    """
    killed = time.monotonic()
    control_plane.kill_api_server()
    try:
        until(lambda: _all_in(scraper.seen[-1].page, "unreachable"), what="the page says unreachable")
        _log.info("unreachable on the page %.1f s after SIGKILL", scraper.seen[-1].at - killed)
        scrapes = len(scraper.seen)
        until(lambda: len(scraper.seen) >= scrapes + OUTAGE_SCRAPES, what="scrapes during the outage", seconds=60)
        control_plane.outdate()
    finally:
        control_plane.start_api_server()
    return killed


def _check_every_scrape(scrapes: list[Seen], workplace: Workplace) -> None:
    """Every one is answered, no series is on a page twice, and what nobody touched is on all of them, unchanged."""
    assert {seen.status for seen in scrapes} == {200}
    steady = _steady(scrapes[0].page)
    assert len(_names(steady, "coderun_created_timestamp")) == len(_names(steady, "job_start_time")) == STEADY
    for seen in scrapes:
        doubled = [series for series, count in Counter(series_of(seen.page)).items() if count > 1]
        assert not doubled
        assert _steady(seen.page) == steady


def _check_the_outage(scrapes: list[Seen]) -> None:
    """From the first page that says unreachable on: the same objects, and a heartbeat that stands still."""
    pages = itertools.dropwhile(lambda page: not _all_in(page, "unreachable"), (seen.page for seen in scrapes))
    away = list(itertools.takewhile(lambda page: _all_in(page, "unreachable"), pages))
    assert len(away) >= OUTAGE_SCRAPES
    assert len({tuple(objects_of(page)) for page in away}) == 1
    heartbeats = {tuple(_lines(page, "coderun_exporter_resource_last_sync_timestamp_seconds")) for page in away}
    assert len(heartbeats) == 1
    assert len(heartbeats.pop()) == len(WATCHED)
    last = scrapes[-1].page
    assert _lines(last, "coderun_exporter_resource_last_sync_timestamp_seconds") != _lines(
        away[-1], "coderun_exporter_resource_last_sync_timestamp_seconds"
    )


def _all_in(page: str, state: str) -> bool:
    """Whether each list and watch says of itself that it is in that state."""
    states = [line for line in _lines(page, "coderun_exporter_resource_state") if f'state="{state}"' in line]
    return len(states) == len(WATCHED) and all(line.endswith(" 1.0") for line in states)


def _in_api_server(workplace: Workplace) -> set[tuple[str, ...]]:
    """A fresh list: ("run", NAME, JOB or nothing) and ("job", NAME, COUNT OF ACTIVE PODS)."""
    runs, jobs = (workplace.ask("GET", path)["items"] for path in (workplace.runs, workplace.jobs))
    job_of = {job["metadata"]["ownerReferences"][0]["uid"]: job["metadata"]["name"] for job in jobs}
    return {
        *(("run", run["metadata"]["name"], job_of.get(run["metadata"]["uid"], "")) for run in runs),
        *(("job", job["metadata"]["name"], str(job["status"].get("active", 0))) for job in jobs),
    }


def _on_page(page: str) -> set[tuple[str, ...]]:
    """The same, as the page tells it."""
    samples = [
        sample
        for family in text_string_to_metric_families("\n".join(objects_of(page)) + "\n")
        for sample in family.samples
    ]
    return {
        *(
            ("run", each.labels["coderun"], each.labels["job_name"])
            for each in samples
            if each.name == "coderun_job_name"
        ),
        *(("job", each.labels["job_name"], f"{each.value:g}") for each in samples if each.name == "job_active"),
    }


def _steady(page: str) -> list[str]:
    return [line for line in objects_of(page) if '"steady-' in line]


def _names(lines: list[str], name: str) -> list[str]:
    return [line for line in lines if line.startswith(name)]


def _lines(page: str, name: str) -> list[str]:
    return [line for line in page.split("\n") if line.startswith(f"{name}{{")]
