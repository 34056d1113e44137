"""The exporter's own metrics, and the state of each thing that it reads."""

import logging

import pytest
from prometheus_client import generate_latest

from exporter import __version__
from exporter.telemetry import STATES, Telemetry
from tests.worlds import parsed

NOW = 1_760_000_000.0


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        """The time."""
        return self.now


@pytest.fixture
def clock():
    """The time."""
    return Clock()


@pytest.fixture
def telemetry(clock):
    """The exporter's metrics."""
    return Telemetry(clock=clock)


@pytest.fixture
def jobs(telemetry):
    """The status of the Jobs of all namespaces."""
    return telemetry.resource(resource="jobs", scope="*", required=True)


@pytest.fixture
def told(caplog):
    """The changes of state that were logged, as level, was, state, detail."""
    caplog.set_level(logging.INFO)

    def changes():
        found = [(record.levelname, record.was, record.state, record.detail) for record in caplog.records]
        assert all((record.resource, record.scope) == ("jobs", "*") for record in caplog.records)
        caplog.clear()
        return found

    return changes


def own(telemetry, name):
    """The samples of one of the exporter's own metrics, by their labels but for resource and scope."""
    samples = parsed(generate_latest(telemetry.registry).decode())
    found = [(labels, value) for sample, labels, value in samples if sample == f"coderun_exporter_{name}"]
    return {
        "/".join(v for k, v in labels.items() if k not in {"resource", "scope"}): value for labels, value in found
    }


def states(telemetry):
    """The states that are 1."""
    all_of_them = own(telemetry, "resource_state")
    assert set(all_of_them) == set(STATES)
    return [name for name, value in all_of_them.items() if value == 1]


def test_the_exporter_says_what_it_is(telemetry):
    """Version and Python; its process and its garbage collector; no `_created` series."""
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


def test_a_new_resource_is_syncing(telemetry, jobs, told):
    """Nothing has been read, nothing has failed, and its answer is still to come; nobody is told."""
    assert (jobs.state, jobs.detail, jobs.since, jobs.last_sync, jobs.objects) == ("syncing", "", NOW, None, 0)
    assert jobs.pending
    assert states(telemetry) == ["syncing"]
    assert [own(telemetry, f"resource_{name}") for name in ("required", "synced")] == [{"": 1.0}, {"": 0.0}]
    assert own(telemetry, "malformed_objects_total") == {"": 0.0}
    for name in ("resource_objects", "resource_last_sync_timestamp_seconds", "errors_total", "requests_total"):
        assert own(telemetry, name) == {}
    assert told() == []


def test_a_resource_that_is_not_required_says_so(telemetry):
    """ConfigMaps: the exporter is ready without them."""
    telemetry.resource(resource="configmaps", scope="n/c", required=False)
    assert own(telemetry, "resource_required") == {"": 0.0}


def test_a_list_makes_it_synced(telemetry, jobs, clock, told):
    """With its number of objects and the time; one line."""
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
    assert told() == [("INFO", "syncing", "watching", "7 objects")]


def test_another_list_while_it_is_watched_is_normal_life(telemetry, jobs, clock, told):
    """After a 410: no change of state, no line, and the time since is not begun anew."""
    jobs.record_list(objects=7)
    told()
    clock.now += 60
    jobs.record_expired(code="410")
    jobs.record_list(objects=8)
    assert (jobs.since, jobs.last_sync, jobs.objects) == (NOW, NOW + 60, 8)
    assert own(telemetry, "errors_total") == {"410": 1.0}
    assert told() == []


def test_a_failure_is_one_line_and_its_retries_are_none(telemetry, jobs, clock, told):
    """Each is counted; the detail is the last one's; the time is that of the change."""
    for number in range(3):
        clock.now += 10
        jobs.record_failure(state="unreachable", code="connect", detail=f"refused {number}")
    assert (jobs.state, jobs.detail, jobs.since) == ("unreachable", "refused 2", NOW + 10)
    assert states(telemetry) == ["unreachable"]
    assert own(telemetry, "errors_total") == {"connect": 3.0}
    assert told() == [("WARNING", "syncing", "unreachable", "refused 0")]


def test_every_change_between_states_is_one_line(jobs, told):
    """There and back."""
    jobs.record_list(objects=1)
    jobs.record_failure(state="unreachable", code="500", detail="a")
    jobs.record_failure(state="unauthorized", code="401", detail="b")
    jobs.watching()
    jobs.record_failure(state="unreachable", code="500", detail="c")
    jobs.record_list(objects=1)
    assert [(level, was, state) for level, was, state, _ in told()] == [
        ("INFO", "syncing", "watching"),
        ("WARNING", "watching", "unreachable"),
        ("WARNING", "unreachable", "unauthorized"),
        ("INFO", "unauthorized", "watching"),
        ("WARNING", "watching", "unreachable"),
        ("INFO", "unreachable", "watching"),
    ]


def test_what_the_watch_says_keeps_it_fresh(telemetry, jobs, clock):
    """A bookmark is a sign of life; only a change of an object is an event."""
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
    """By verb; by resource."""
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
def test_an_answer_is_pending_until_there_was_one(jobs, failures, pending):
    """Read whole, or said to be missing or forbidden; an answer that was given once has been given."""
    for state in failures:
        jobs.record_failure(state=state, code="x", detail="")
    assert jobs.pending is pending
    jobs.record_list(objects=0)
    assert not jobs.pending
    jobs.record_failure(state="unreachable", code="x", detail="")
    assert not jobs.pending


def test_the_scrape_and_the_loop_are_measured(telemetry):
    """In seconds, by the answer's encoding."""
    telemetry.scrapes.labels("gzip").observe(0.002)
    telemetry.loop_delay.observe(0.5)
    assert own(telemetry, "scrape_duration_seconds_count") == {"gzip": 1.0}
    assert own(telemetry, "event_loop_delay_seconds_sum") == {"": 0.5}
