"""Counters and histograms: what was seen to begin and to finish, each once."""

import pytest

from exporter.cluster import JOBS
from tests.objects import CREATED, a_job, a_run
from tests.worlds import World, parsed, samples

TESS = {"githubApp": "5DLabs-Tess", "service": "billing"}
OPEN = a_run(spec=TESS, status={"phase": "Running"})
DONE = a_run(spec=TESS, status={"phase": "Succeeded"})


def counted(world, *names):
    """The lines of these series."""
    return samples("\n".join(world.history()), *names)


def test_what_was_finished_at_the_first_list_is_not_counted():
    """A restart counts nothing twice."""
    assert World(DONE, a_job(ended="Complete")).history() == []


def test_a_run_that_finishes_is_counted_once():
    """By agent and result; what happens to it afterwards is no other finish."""
    world = World(OPEN)
    for run in (DONE, DONE | {"metadata": DONE["metadata"] | {"deletionTimestamp": "2025-10-09T10:00:00Z"}}):
        world.put(run)
    world.list("coderuns", DONE)
    world.delete(DONE)
    assert counted(world, "coderuns_finished_total") == [
        'coderuns_finished_total{agent="tess",result="succeeded"} 1.0'
    ]


def test_a_run_that_is_tried_again_finishes_again():
    """Failed, running, succeeded: two finishes."""
    world = World(OPEN)
    for phase in ("Failed", "Running", "Succeeded"):
        world.put(a_run(spec=TESS, status={"phase": phase}))
    assert counted(world, "coderuns_finished_total") == [
        'coderuns_finished_total{agent="tess",result="failed"} 1.0',
        'coderuns_finished_total{agent="tess",result="succeeded"} 1.0',
    ]


def test_what_a_later_list_brings_is_counted():
    """What finished while the watch was broken was seen to finish as well."""
    world = World(OPEN, a_job())
    world.list("coderuns", DONE)
    world.list("jobs", a_job(ended="Complete"))
    assert counted(world, "coderuns_finished_total")[0].endswith(" 1.0")
    assert counted(world, "jobs_finished_total")[0].endswith(" 1.0")


def test_a_job_that_finishes_is_counted_once_with_its_duration():
    """From its start to its end; agent and service are the run's where the Job has none."""
    world = World(OPEN, a_job())
    world.put(done := a_job(ended="Complete", ended_at=CREATED + 310))
    world.put(a_job(ended="Complete", ended_at=CREATED + 310, deleted=CREATED + 400))
    world.delete(done)
    labels = '{agent="tess",reason="",result="succeeded",service="billing"}'
    assert sorted(
        counted(world, "jobs_finished_total", "job_duration_seconds_sum", "job_duration_seconds_count")
    ) == [
        f"job_duration_seconds_count{labels} 1.0",
        f"job_duration_seconds_sum{labels} 300.0",
        f"jobs_finished_total{labels} 1.0",
    ]


@pytest.mark.parametrize(
    ("reason", "label"),
    [
        ("BackoffLimitExceeded", "BackoffLimitExceeded"),
        ("DeadlineExceeded", "DeadlineExceeded"),
        ("PodFailurePolicy", "PodFailurePolicy"),
        ("FailedIndexes", "FailedIndexes"),
        ("MaxFailedIndexesExceeded", "MaxFailedIndexesExceeded"),
        ("SomethingNew", "other"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_failed_job_is_counted_with_its_reason(reason, label):
    """A closed set: these series are kept for ever."""
    world = World(a_job())
    world.put(a_job(ended="Failed", reason=reason, labels={"service": "s"}))
    assert counted(world, "jobs_finished_total") == [
        f'jobs_finished_total{{agent="",reason="{label}",result="failed",service="s"}} 1.0'
    ]


def test_a_job_without_a_start_is_counted_without_a_duration():
    """Its length is not known; and one that ended before it began lasted for no time."""
    world = World(a_job())
    world.put(a_job(started=None, ended="Failed"))
    assert len(counted(world, "jobs_finished_total")) == 1
    assert counted(world, "job_duration_seconds_count") == []
    world.put(a_job(uid="k", name="k", ended="Failed", ended_at=CREATED))
    assert counted(world, "job_duration_seconds_sum")[0].endswith(" 0.0")


def creation(world):
    """Count and sum of coderun_job_creation_seconds."""
    lines = counted(world, "coderun_job_creation_seconds_count", "coderun_job_creation_seconds_sum")
    assert all('{agent="tess"}' in line for line in lines)
    return tuple(float(line.split()[-1]) for line in lines)


@pytest.mark.parametrize("first", ["run", "job"])
def test_the_time_to_the_first_job_is_observed_in_either_order(first):
    """Two watches tell of the two, and either may be the faster."""
    world = World()
    run, job = a_run(spec=TESS), a_job(created=CREATED + 25)
    for item in (run, job) if first == "run" else (job, run):
        world.put(item)
    world.put(a_run(spec=TESS, status={"phase": "Running"}))
    assert creation(world) == (1.0, 25.0)


def test_a_retrys_job_is_not_the_first():
    """Neither beside the old Job, nor after it is gone, nor where the exporter has seen only the retry."""
    world = World()
    for item in (a_run(spec=TESS), old := a_job(created=CREATED + 25), a_job(uid="2", created=CREATED + 7200)):
        world.put(item)
    world.delete(old)
    world.put(a_job(uid="3", created=CREATED + 9000))
    assert creation(world) == (1.0, 25.0)
    fresh = World(a_run(spec=TESS))
    fresh.put(a_job(created=CREATED + 7200, labels={"context-version": "2"}))
    assert creation(fresh) == ()


def test_a_run_that_is_deleted_is_forgotten():
    """What is remembered of the runs that began is bounded by the runs that there are."""
    world = World()
    world.put(run := a_run(spec=TESS))
    world.put(a_job())
    assert world.picture._history._begun == {"run-r"}
    world.delete(run)
    assert world.picture._history._begun == set()


def test_a_job_that_was_there_at_the_first_list_has_no_creation_time_to_observe():
    """Nor has a pair of which one's creation is not known."""
    assert creation(World(a_run(spec=TESS), a_job())) == ()
    world = World(a_run(spec=TESS, created=None))
    world.put(a_job())
    assert creation(world) == ()


def test_clocks_that_disagree_make_no_negative_time():
    """A Job that seems older than its run took no time."""
    world = World(a_run(spec=TESS))
    world.put(a_job(created=CREATED - 5))
    assert creation(world) == (1.0, 0.0)


def test_the_values_of_a_label_are_bounded():
    """These series are kept for ever: after the hundredth service the next ones are `other`, the known stay."""
    world = World()
    for number in range(102):
        world.put(a_job(uid=f"u{number}", name=f"j{number}", labels={"service": f"s{number}"}, ended="Failed"))
    world.put(a_job(uid="again", name="again", labels={"service": "s0"}, ended="Failed"))
    lines = counted(world, "jobs_finished_total")
    assert len(lines) == 101
    assert [line.split()[-1] for line in lines if 'service="other"' in line or 'service="s0"' in line] == [
        "2.0",
        "2.0",
    ]


@pytest.mark.parametrize("hostile", ["a\x00b", "a\ud800b", 'a"b\\c\nd', "\x7f"])
def test_no_value_of_a_label_breaks_the_page(hostile):
    """A service that nobody can write down would otherwise break every scrape from then on."""
    world = World(a_run(spec={"service": hostile, "githubApp": hostile}, status={"phase": "Running"}), a_job())
    world.put(a_job(ended="Failed"))
    world.put(a_run(spec={"service": hostile, "githubApp": hostile}, status={"phase": "Failed"}))
    text = "\n".join(world.history())
    assert len(parsed(text + "\n")) == 4
    assert all(character.isprintable() or character == "\n" for character in text)


def test_a_configmap_leaves_no_history():
    """Nor does a Job that goes while it is active."""
    world = World(a_job())
    world.delete(a_job())
    world.list(JOBS)
    assert world.history() == []
