"""The exporter's own metrics, and the state of each list and watch."""

import logging

import pytest
from prometheus_client import generate_latest

from exporter import __version__
from exporter.telemetry import STATES, Telemetry
from tests.harness import parse_exposition

NOW = 1_760_000_000.0


class Clock:
    """Returns a time in seconds since the epoch, which tests set."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        """The current time."""
        return self.now


@pytest.fixture
def clock():
    """A clock that tests set."""
    return Clock()


@pytest.fixture
def telemetry(clock):
    """The exporter's own metrics."""
    return Telemetry(clock=clock)


@pytest.fixture
def jobs(telemetry):
    """The status of the list and watch of Jobs in all namespaces."""
    return telemetry.resource(resource="jobs", scope="*", required=True)


@pytest.fixture
def logged(caplog):
    """A function that returns the logged state changes as (level, old state, new state, detail), and clears them."""
    caplog.set_level(logging.INFO)

    def changes():
        found = [(record.levelname, record.was, record.state, record.detail) for record in caplog.records]
        assert all((record.resource, record.scope) == ("jobs", "*") for record in caplog.records)
        caplog.clear()
        return found

    return changes


def own(telemetry, name):
    """Maps the label values (without resource and scope) of the samples of one metric to their values."""
    samples = parse_exposition(generate_latest(telemetry.registry).decode())
    found = [(labels, value) for sample, labels, value in samples if sample == f"coderun_exporter_{name}"]
    return {
        "/".join(v for k, v in labels.items() if k not in {"resource", "scope"}): value for labels, value in found
    }


def states(telemetry):
    """The states whose sample is 1."""
    all_of_them = own(telemetry, "resource_state")
    assert set(all_of_them) == set(STATES)
    return [name for name, value in all_of_them.items() if value == 1]


def test_build_process_and_garbage_collector_are_exposed(telemetry):
    """There are no `_created` series."""
    page = generate_latest(telemetry.registry).decode()
    assert 'coderun_exporter_build_info{python="' in page
    assert f'version="{__version__}"}} 1.0' in page
    for name in ("process_resident_memory_bytes", "python_gc_collections_total"):
        assert f"\n{name}" in page
    assert "_created" not in page


def test_two_telemetries_share_nothing():
    """Each has a registry of its own."""
    one, other = Telemetry(clock=Clock()), Telemetry(clock=Clock())
    one.resource(resource="jobs", scope="*", required=True)
    assert own(other, "resource_state") == {}


def test_a_new_resource_is_syncing(telemetry, jobs, logged):
    """It has no data and no failure, its initial list is pending, and nothing is logged."""
    assert (jobs.state, jobs.detail, jobs.since, jobs.last_sync, jobs.objects) == ("syncing", "", NOW, None, 0)
    assert jobs.pending
    assert states(telemetry) == ["syncing"]
    assert [own(telemetry, f"resource_{name}") for name in ("required", "synced")] == [{"": 1.0}, {"": 0.0}]
    assert own(telemetry, "malformed_objects_total") == {"": 0.0}
    for name in ("resource_objects", "resource_last_sync_timestamp_seconds", "errors_total", "requests_total"):
        assert own(telemetry, name) == {}
    assert logged() == []


def test_an_optional_resource_is_exposed_as_not_required(telemetry):
    """For example, the exporter can be ready without ConfigMaps."""
    telemetry.resource(resource="configmaps", scope="n/c", required=False)
    assert own(telemetry, "resource_required") == {"": 0.0}


def test_a_completed_list_makes_a_resource_synced(telemetry, jobs, clock, logged):
    """Its number of objects and time are exposed, and one line is logged."""
    clock.now += 5
    jobs.record_list(objects=7)
    assert (jobs.state, jobs.since, jobs.last_sync, jobs.objects, jobs.pending) == (
        "watching",
        NOW + 5,
        NOW + 5,
        7,
        False,
    )
    assert states(telemetry) == ["watching"]
    assert own(telemetry, "resource_synced") == {"": 1.0}
    assert own(telemetry, "resource_objects") == {"": 7.0}
    assert own(telemetry, "resource_last_sync_timestamp_seconds") == {"": NOW + 5}
    assert own(telemetry, "resource_last_event_timestamp_seconds") == {}
    assert logged() == [("INFO", "syncing", "watching", "7 objects")]


def test_a_relist_while_watching_does_not_change_the_state(telemetry, jobs, clock, logged):
    """After a 410 nothing is logged, and the time of the last change of state remains."""
    jobs.record_list(objects=7)
    logged()
    clock.now += 60
    jobs.record_expired(code="410")
    jobs.record_list(objects=8)
    assert (jobs.since, jobs.last_sync, jobs.objects) == (NOW, NOW + 60, 8)
    assert own(telemetry, "errors_total") == {"410": 1.0}
    assert logged() == []


def test_a_failure_is_logged_once_and_its_retries_are_not(telemetry, jobs, clock, logged):
    """Each failure is counted. The detail is that of the last one, the time that of the change of state."""
    for number in range(3):
        clock.now += 10
        jobs.record_failure(state="unreachable", code="connect", detail=f"refused {number}")
    assert (jobs.state, jobs.detail, jobs.since) == ("unreachable", "refused 2", NOW + 10)
    assert states(telemetry) == ["unreachable"]
    assert own(telemetry, "errors_total") == {"connect": 3.0}
    assert logged() == [("WARNING", "syncing", "unreachable", "refused 0")]


def test_every_change_of_state_is_logged_once(jobs, logged):
    """This includes changes back to an earlier state."""
    jobs.record_list(objects=1)
    jobs.record_failure(state="unreachable", code="500", detail="a")
    jobs.record_failure(state="unauthorized", code="401", detail="b")
    jobs.watching()
    jobs.record_failure(state="unreachable", code="500", detail="c")
    jobs.record_list(objects=1)
    assert [(level, was, state) for level, was, state, _ in logged()] == [
        ("INFO", "syncing", "watching"),
        ("WARNING", "watching", "unreachable"),
        ("WARNING", "unreachable", "unauthorized"),
        ("INFO", "unauthorized", "watching"),
        ("WARNING", "watching", "unreachable"),
        ("INFO", "unreachable", "watching"),
    ]


def test_watch_events_and_bookmarks_update_the_last_sync(telemetry, jobs, clock):
    """Only changes of objects update the time of the last event; bookmarks do not."""
    jobs.record_list(objects=1)
    clock.now += 30
    jobs.record_event(changed=0)
    assert own(telemetry, "resource_last_sync_timestamp_seconds") == {"": NOW + 30}
    assert own(telemetry, "resource_last_event_timestamp_seconds") == {}
    clock.now += 30
    jobs.record_event(changed=2)
    assert own(telemetry, "resource_last_sync_timestamp_seconds") == {"": NOW + 60}
    assert own(telemetry, "resource_last_event_timestamp_seconds") == {"": NOW + 60}


def test_requests_and_malformed_objects_are_counted(telemetry, jobs):
    """Requests are counted by verb, malformed objects by resource."""
    for verb in ("list", "watch", "watch"):
        jobs.record_request(verb=verb)
    jobs.record_malformed()
    assert own(telemetry, "requests_total") == {"list": 1.0, "watch": 2.0}
    assert own(telemetry, "malformed_objects_total") == {"": 1.0}


@pytest.mark.parametrize(
    ("failures", "pending"),
    [
        ([], True),
        (["unreachable"], True),
        (["unauthorized"], True),
        (["forbidden"], False),
        (["missing"], False),
        (["missing", "unreachable"], False),
        (["unreachable", "forbidden", "unauthorized"], False),
    ],
)
def test_a_resource_is_pending_until_its_first_result(jobs, failures, pending):
    """A result is a completed list, or the state `missing` or `forbidden`. Later failures do not change that."""
    for state in failures:
        jobs.record_failure(state=state, code="x", detail="")
    assert jobs.pending is pending
    jobs.record_list(objects=0)
    assert not jobs.pending
    jobs.record_failure(state="unreachable", code="x", detail="")
    assert not jobs.pending


def test_scrapes_and_the_event_loop_delay_are_measured(telemetry):
    """Both are in seconds; scrapes are labelled with the encoding of the response."""
    telemetry.scrapes.labels("gzip").observe(0.002)
    telemetry.loop_delay.observe(0.5)
    assert own(telemetry, "scrape_duration_seconds_count") == {"gzip": 1.0}
    assert own(telemetry, "event_loop_delay_seconds_sum") == {"": 0.5}
