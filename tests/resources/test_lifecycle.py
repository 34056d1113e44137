"""Counters and histograms: what was seen to begin and to finish, each once."""

import msgspec
import pytest

from exporter.cache import CODERUNS, JOBS, Change
from tests.objects import CREATED, a_configmap, a_job, a_run
from tests.worlds import World, parsed, required, samples

TESS = {"githubApp": "5DLabs-Tess", "service": "billing"}
OPEN = a_run(spec=TESS, status={"phase": "Running"})
DONE = a_run(spec=TESS, status={"phase": "Succeeded"})
FAMILIES = (
    "jobs_finished_total",
    "job_duration_seconds_count",
    "job_duration_seconds_sum",
    "coderuns_finished_total",
)


def told(world, *names):
    """The lines of these series, whatever they have counted."""
    return samples("\n".join(world.history()), *names)


def counted(world, *names):
    """The lines of these series that have counted something."""
    return [line for line in told(world, *names) if not line.endswith(" 0.0")]


def test_what_was_finished_at_the_first_list_is_not_counted():
    """A restart counts nothing twice."""
    world = World(DONE, a_job(ended="Complete"))
    assert {line.split()[-1] for line in world.history()} == {"0.0"}


USUAL = [
    ('agent="{}",namespace="n",reason="BackoffLimitExceeded",result="failed",service="{}"'),
    ('agent="{}",namespace="n",reason="DeadlineExceeded",result="failed",service="{}"'),
    ('agent="{}",namespace="n",reason="",result="succeeded",service="{}"'),
]


def at_zero(agent, service):
    """The lines of jobs_finished_total before anything was counted."""
    return {f"jobs_finished_total{{{labels.format(agent, service)}}} 0.0" for labels in USUAL}


def of_jobs(world):
    """The lines of a Job's two families."""
    return set(told(world, "job_duration_seconds_count", "job_duration_seconds_sum", "jobs_finished_total"))


@pytest.mark.parametrize("job", [a_job(), a_job(ended="Failed")], ids=["open", "finished"])
@pytest.mark.parametrize("first", ["runs", "jobs"])
def test_the_usual_ends_of_a_job_are_told_at_0_from_the_first_list_on(job, first):
    """`increase()` sees nothing in a counter that begins at 1; whichever list comes first, the agent is the run's."""
    world = World(unread=("coderuns", "jobs"))
    lists = [("coderuns", OPEN), ("jobs", job)]
    for resource, item in lists if first == "runs" else reversed(lists):
        world.list(resource, item)
    assert of_jobs(world) == at_zero("tess", "billing")


@pytest.mark.parametrize("first", ["run", "job"])
def test_the_usual_ends_of_a_job_are_told_at_0_once_it_is_seen(first):
    """As the watches bring them, in either order."""
    world = World()
    for item in (OPEN, a_job()) if first == "run" else (a_job(), OPEN):
        world.put(item)
    assert of_jobs(world) == at_zero("tess", "billing")


def test_a_job_that_does_not_say_whose_it_is_waits_for_its_run():
    """Without an agent or a service of its own it would be told under a name that nothing is ever counted under."""
    world = World(a_job(labels={"github-user": "5dlabs-tess"}), a_job(uid="k", name="k", labels={"service": "s"}))
    assert of_jobs(world) == set()
    world.put(a_run(spec={"service": "billing"}))
    assert of_jobs(world) == at_zero("tess", "billing") | at_zero("", "s")


@pytest.mark.parametrize(
    ("labels", "owners", "agent"),
    [({"github-user": "5dlabs-tess", "service": "s"}, None, "tess"), ({"service": "s"}, [], "")],
    ids=["told by its labels", "of no run"],
)
def test_a_job_that_needs_no_run_to_be_told_does_not_wait_for_one(labels, owners, agent):
    """An orphan whose labels say it all, and a Job that is here by its labels alone."""
    world = World(a_job(labels=labels, owners=owners), match_labels={"service": "s"})
    assert of_jobs(world) == at_zero(agent, "s")


@pytest.mark.parametrize("known", ["at the first list", "by the watch"])
def test_both_ends_of_a_run_are_told_at_0_once_it_is_seen(known):
    """By its agent, and with them the time to its first Job."""
    world = World(DONE) if known == "at the first list" else World()
    world.put(OPEN)
    assert [line for line in world.history() if not line.endswith(" 1.0")] == [
        'coderun_job_creation_seconds_count{agent="tess"} 0.0',
        'coderun_job_creation_seconds_sum{agent="tess"} 0.0',
        'coderuns_finished_total{agent="tess",namespace="n",result="succeeded"} 0.0',
        'coderuns_finished_total{agent="tess",namespace="n",result="failed"} 0.0',
        'coderuns_finished_total{agent="tess",namespace="n",result="cancelled"} 0.0',
        'coderun_job_creations_total{namespace="n",result="created"} 0.0',
        'coderun_job_creations_total{namespace="n",result="failed"} 0.0',
    ]


def test_what_is_not_usual_is_told_when_it_happens():
    """A reason that an agent's Jobs have never ended by costs no series."""
    world = World(OPEN, a_job())
    world.put(a_job(ended="Failed", reason="PodFailurePolicy"))
    new = of_jobs(world) - at_zero("tess", "billing")
    assert len(new) == 3
    assert all('reason="PodFailurePolicy"' in line for line in new)


def test_a_run_that_finishes_is_counted_once():
    """By agent and result; what happens to it afterwards is no other finish."""
    world = World(OPEN)
    for run in (DONE, DONE | {"metadata": DONE["metadata"] | {"deletionTimestamp": "2025-10-09T10:00:00Z"}}):
        world.put(run)
    world.list("coderuns", DONE)
    world.delete(DONE)
    assert counted(world, "coderuns_finished_total") == [
        'coderuns_finished_total{agent="tess",namespace="n",result="succeeded"} 1.0'
    ]


def test_a_run_that_is_tried_again_finishes_again():
    """Failed, running, succeeded: two finishes."""
    world = World(OPEN)
    for phase in ("Failed", "Running", "Succeeded"):
        world.put(a_run(spec=TESS, status={"phase": phase}))
    assert sorted(counted(world, "coderuns_finished_total")) == [
        'coderuns_finished_total{agent="tess",namespace="n",result="failed"} 1.0',
        'coderuns_finished_total{agent="tess",namespace="n",result="succeeded"} 1.0',
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
    labels = '{agent="tess",namespace="n",reason="",result="succeeded",service="billing"}'
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
        f'jobs_finished_total{{agent="",namespace="n",reason="{label}",result="failed",service="s"}} 1.0'
    ]


def test_a_job_without_a_start_is_counted_without_a_duration():
    """Its length is not known; and one that ended before it began lasted for no time."""
    world = World(a_job())
    world.put(a_job(started=None, ended="Failed"))
    assert len(counted(world, "jobs_finished_total")) == 1
    assert counted(world, "job_duration_seconds_count") == []
    world.put(a_job(uid="k", name="k", ended="Failed", ended_at=CREATED))
    assert len(counted(world, "job_duration_seconds_count")) == 1
    assert counted(world, "job_duration_seconds_sum") == []


@pytest.mark.parametrize("hostile", ["a\x00b", "a\ud800b", 'a"b\\c\nd', "\x7f"])
def test_no_value_of_a_label_breaks_the_page(hostile):
    """A service that nobody can write down would otherwise break every scrape from then on."""
    world = World(a_run(spec={"service": hostile, "githubApp": hostile}, status={"phase": "Running"}), a_job())
    world.put(a_job(ended="Failed"))
    world.put(a_run(spec={"service": hostile, "githubApp": hostile}, status={"phase": "Failed"}))
    text = "\n".join(world.history())
    assert len(parsed("\n".join(counted(world, *FAMILIES)) + "\n")) == 4
    assert all(character.isprintable() or character == "\n" for character in text)


def test_a_configmap_leaves_no_history():
    """Nor does a Job that goes while it is active count anything."""
    world = World(a_configmap(), needed=[required()])
    assert world.history() == []
    world.put(a_job(labels={"github-user": "5dlabs-tess", "service": "s"}))
    world.delete(a_job())
    world.list(JOBS)
    assert of_jobs(world) == at_zero("tess", "s")


def test_what_is_counted_is_rendered_again_after_a_change_only():
    """A hundred combinations take longer to write than all else that a scrape waits for."""
    world = World(OPEN, a_job())
    before = world.counted.text(openmetrics=False)
    assert world.counted.text(openmetrics=False) is before
    world.put(a_job(ended="Complete"))
    after = world.counted.text(openmetrics=False)
    assert after != before
    assert world.counted.text(openmetrics=True).count("# EOF") == 0
    assert "# TYPE jobs_finished counter" in world.counted.text(openmetrics=True)


def test_a_run_that_is_cancelled_is_counted_as_that():
    """It is over, and it has not failed."""
    world = World(OPEN)
    cancelled = msgspec.structs.replace(next(iter(world.cluster.runs)), state="cancelled")
    world.store.apply(Change(CODERUNS, "coderuns.agents.platform/*", cancelled.uid, cancelled))
    assert counted(world, "coderuns_finished_total") == [
        'coderuns_finished_total{agent="tess",namespace="n",result="cancelled"} 1.0'
    ]
