"""The time-lapse: recorded series equal the scrapes, and alerts are evaluated by Prometheus."""

import pytest

from lab.platform.generations import NEWEST
from lab.platform.manifests import RunSpec
from lab.timelapse.evaluation import STEP, texts, verdict
from lab.timelapse.play import Agenda, play
from lab.timelapse.series import Recorder
from lab.timelapse.world import World

START = 1_700_000_010.0  # a multiple of 30
BROKEN = 'configmap_health{namespace="n",configmap="c\\"]}, é"} '


def record_scrapes(*pages, metrics=("configmap_health",)):
    """A recorder after these scrapes of one exporter. None is a failed scrape."""
    recorder = Recorder(metrics=metrics)
    for text in pages:
        recorder.scrape({"a": text}, started={"a": 7.0})
    return recorder


def values_of(recorder, name, *, first=0, last=None):
    """The values in promtool's notation of the series whose name has this prefix."""
    last = recorder.scrapes - 1 if last is None else last
    (found,) = [values for series, values in recorder.lines(first=first, last=last) if series.startswith(name)]
    return found


@pytest.mark.parametrize(
    ("pages", "written"),
    [
        (["a 1", "a 1", "a 1"], "1x2"),
        (["a 1", "a 2.5", "a +Inf"], "1x0 2.5x0 Inf+0x0"),
        (["", "", "a 1"], "_x2 1x0"),
        (["a 1", "", "", "a 1"], "1x0 stale _x1 1x0"),
        (["a 1", "", "a 1", ""], "1x0 stale 1x0 stale"),
    ],
)
def test_a_series_is_recorded_as_it_was_scraped(pages, written):
    """Equal values are combined. A series that is missing in a scrape becomes stale."""
    assert values_of(record_scrapes(*pages, metrics=["a"]), "a{") == written


def test_a_failed_scrape_makes_the_series_of_the_target_stale():
    """`up` is 0. The other series have no value."""
    recorder = record_scrapes("a 1", None, "a 1", metrics=["a"])
    assert values_of(recorder, "a{") == "1x0 stale 1x0"
    assert values_of(recorder, "up{") == "1x0 0x0 1x0"


def test_a_window_starts_at_its_first_scrape():
    """Earlier and later samples are left out."""
    recorder = record_scrapes("a 1", "a 1", "", "a 2", "a 2", metrics=["a"])
    assert values_of(recorder, "a{", first=1, last=3) == "1x0 stale 2x0"


def test_labels_are_stored_as_in_prometheus():
    """Empty labels are dropped, and labels of the target are added. Metrics that no rule selects are not recorded."""
    recorder = record_scrapes('a{x="",y="1"} 1\nb 1', metrics=["a"])
    names = [series for series, _ in recorder.lines(first=0, last=0)]
    assert names == [
        'up{job="coderun-exporter",instance="a"}',
        'process_start_time_seconds{job="coderun-exporter",instance="a"}',
        'process_cpu_seconds_total{job="coderun-exporter",instance="a"}',
        'a{job="coderun-exporter",instance="a",y="1"}',
    ]


@pytest.mark.needs("promtool")
def test_alerts_and_their_texts_are_those_of_prometheus():
    """Times are exact, and names may have any characters."""
    pages = [BROKEN + "1"] * 4 + [BROKEN + "0"] * 6 + [BROKEN + "1"] * 30
    recorder = record_scrapes(*pages, metrics=["configmap_health"])
    (one,) = verdict(recorder, start=START, first=0, last=recorder.scrapes - 1)
    assert (one.alert, one.first, one.last) == ("RequiredConfigMapUnhealthy", START + 180, START + 270 + 300)
    assert one.labels["configmap"] == 'c"]}, é'
    (annotations,) = texts(recorder, [one], start=START)
    assert annotations["summary"] == 'ConfigMap n/c"]}, é is required and unhealthy: problem unknown'
    assert "\nNext:\nkubectl -n n get configmaps" in annotations["description"]


async def test_every_scrape_shows_all_earlier_changes():
    """Also on a slow machine, a run, its Job and its end are each in the next scrape."""
    recorder, agenda = Recorder(metrics=["coderun_state"]), Agenda()
    agenda.at(START + 45, lambda world: world.order(RunSpec(task=1, agent="Rex", work_seconds=100)))
    async with World(start=START) as world:
        await world.start("a")
        await play(world, agenda, recorder, until=START + 8 * STEP)
    states = {
        series.partition('state="')[2].rstrip('"}'): values
        for series, values in recorder.lines(first=0, last=8)
        if "state=" in series
    }
    # Created after 45 s and reconciled at 50 s. Its work ends 100 s later, and the next round updates the status.
    assert states == {"open": "_x2 1x3 stale", "succeeded": "_x6 1x2"}


@pytest.mark.parametrize("logs", [True, False])
async def test_logs_are_read_with_the_clock(logs):
    """The time of the last word is that of its line, and appears in the next scrape after a read: within a minute."""
    recorder, agenda = Recorder(metrics=["agent_result_timestamp_seconds"]), Agenda()
    hangs = RunSpec(task=1, agent="Tess", work_seconds=100, exits=("never",))
    agenda.at(START + 5, lambda world: world.order(hangs))
    async with World(start=START, logs=logs) as world:
        await world.start("a")
        await play(world, agenda, recorder, until=START + 10 * STEP)
        assert (world.server.logs.reads > 0) == logs
    if not logs:
        assert not [name for name, _ in recorder.lines(first=0, last=10) if name.startswith("agent_")]
        return
    # Created after 5 s and reconciled at 10 s. The work takes 100 s.
    words = values_of(recorder, "agent_result").split()
    assert words[-1].startswith(f"{START + 110:.0f}x")
    assert words[0] in ("_x4", "_x5")


async def test_without_changes_few_requests_are_sent():
    """The simulated time continues nevertheless."""
    recorder = Recorder(metrics=["coderun_exporter_resource_last_sync_timestamp_seconds"])
    async with World(start=START) as world:
        await world.start("a")
        begun = len(world.server.requests)
        await play(world, Agenda(), recorder, until=START + 20 * STEP)
        requests = len(world.server.requests) - begun
    assert requests < 10
    values = {values for series, values in recorder.lines(first=0, last=20) if "last_sync" in series}
    assert len(values) == 1
    assert values.pop().count(" ") == 10  # one bookmark per minute


async def test_a_denied_resource_is_forbidden_until_it_is_allowed():
    """Its watch fails, and other watches continue."""
    async with World(start=START) as world:
        await world.start("a")
        await world.refuse("jobs", status=403)
        await world.settle()
        states = {one.resource: one.state for one in world.targets["a"].health.statuses}
        assert states.pop("jobs") == "forbidden"
        assert set(states.values()) == {"watching"}
        await world.allow()
        assert {one.state for one in world.targets["a"].health.statuses} == {"watching"}


async def test_a_second_day_continues_the_first():
    """The interval between two days is 30 s, as between all scrapes."""
    recorder, agenda = Recorder(metrics=["coderun_created_timestamp"]), Agenda()
    agenda.at(START + 5 * STEP - 1, lambda world: world.order(RunSpec(task=1, agent="Rex")))
    async with World(start=START) as world:
        await world.start("a")
        await play(world, agenda, recorder, until=START + 3 * STEP)
        await play(world, agenda, recorder, until=START + 6 * STEP)
    assert recorder.scrapes == 7
    assert values_of(recorder, "coderun_created").startswith("_x5 ")


def test_a_restart_resets_the_cpu_seconds():
    """All simulated exporters share a process, whose counter is never reset, so the CPU seconds are simulated."""
    recorder = Recorder(metrics=[])
    for started in (7.0, 7.0, 7.0, 8.0):
        recorder.scrape({"a": ""}, started={"a": started})
    assert values_of(recorder, "process_cpu") == "1x0 2x0 3x0 1x0"


async def test_a_run_of_the_newest_version_is_in_its_own_namespace():
    """The controller fails the run if its image lacks a template. Otherwise it creates a Job."""
    recorder, agenda = Recorder(metrics=["coderun_state"]), Agenda()
    orders = [RunSpec(task=task, agent="Rex", generation=NEWEST) for task in (1, 2)]
    agenda.at(START + 1, lambda world: world.newest.roll_out(missing_partial="x"))
    agenda.at(START + 2, lambda world: world.order(orders[0]))
    agenda.at(START + 61, lambda world: world.newest.roll_out())
    agenda.at(START + 62, lambda world: world.order(orders[1]))
    async with World(start=START) as world:
        await world.start("a")
        await play(world, agenda, recorder, until=START + 4 * STEP)
        jobs = await world.writer.items(NEWEST.jobs)
    assert [job["spec"]["activeDeadlineSeconds"] for job in jobs] == [86400]
    states = [series for series, _ in recorder.lines(first=4, last=4) if "coderun_state" in series]
    assert sorted("failed" in one for one in states) == [False, True]
    assert all('namespace="cto"' in one for one in states)
