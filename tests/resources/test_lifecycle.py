"""The counters and histograms of Jobs and runs that started and finished while the exporter ran."""

import msgspec
import pytest

from exporter.cache import CODERUNS, JOBS, Change
from exporter.diagnosis import OUTCOMES
from tests.harness import StoreHarness, parse_exposition, required, samples
from tests.objects import CREATED, a_configmap, a_job, a_run

TESS = {"githubApp": "5DLabs-Tess", "service": "billing"}
OPEN = a_run(spec=TESS, status={"phase": "Running"})
DONE = a_run(spec=TESS, status={"phase": "Succeeded"})
FAMILIES = (
    "jobs_finished_total",
    "job_duration_seconds_count",
    "job_duration_seconds_sum",
    "coderuns_finished_total",
)


def counter_lines(harness, *names):
    """The samples of these metrics."""
    return samples("\n".join(harness.history()), *names)


def nonzero_counter_lines(harness, *names):
    """The samples of these metrics that are not 0."""
    return [line for line in counter_lines(harness, *names) if not line.endswith(" 0.0")]


def test_what_was_finished_in_the_initial_list_is_not_counted():
    """A restart of the exporter does not count it again."""
    harness = StoreHarness(DONE, a_job(ended="Complete"))
    assert {line.split()[-1] for line in harness.history()} == {"0.0"}


USUAL_RESULTS = [
    ('agent="{}",namespace="n",reason="BackoffLimitExceeded",result="failed",service="{}"'),
    ('agent="{}",namespace="n",reason="DeadlineExceeded",result="failed",service="{}"'),
    ('agent="{}",namespace="n",reason="",result="succeeded",service="{}"'),
]


def at_zero(agent, service):
    """The samples of jobs_finished_total with the value 0 for the usual results."""
    return {f"jobs_finished_total{{{labels.format(agent, service)}}} 0.0" for labels in USUAL_RESULTS}


def job_counter_lines(harness):
    """The samples of the counters and histograms of Jobs."""
    return set(
        counter_lines(harness, "job_duration_seconds_count", "job_duration_seconds_sum", "jobs_finished_total")
    )


@pytest.mark.parametrize("job", [a_job(), a_job(ended="Failed")], ids=["open", "finished"])
@pytest.mark.parametrize("first", ["runs", "jobs"])
def test_the_usual_results_of_a_job_are_exposed_with_0_after_the_initial_list(job, first):
    """`increase()` does not count the first value of a counter. The agent is the run's, whichever list is first."""
    harness = StoreHarness(unread=("coderuns", "jobs"))
    lists = [("coderuns", OPEN), ("jobs", job)]
    for resource, item in lists if first == "runs" else reversed(lists):
        harness.list(resource, item)
    assert job_counter_lines(harness) == at_zero("tess", "billing")


@pytest.mark.parametrize("first", ["run", "job"])
def test_the_usual_results_of_a_job_are_exposed_with_0_once_it_is_watched(first):
    """The events of the run and of its Job arrive in either order."""
    harness = StoreHarness()
    for item in (OPEN, a_job()) if first == "run" else (a_job(), OPEN):
        harness.put(item)
    assert job_counter_lines(harness) == at_zero("tess", "billing")


def test_a_job_without_agent_or_service_waits_for_its_run():
    """Otherwise series would be created with labels that no Job is ever counted under."""
    harness = StoreHarness(
        a_job(labels={"github-user": "5dlabs-tess"}), a_job(uid="k", name="k", labels={"service": "s"})
    )
    assert job_counter_lines(harness) == set()
    harness.put(a_run(spec={"service": "billing"}))
    assert job_counter_lines(harness) == at_zero("tess", "billing") | at_zero("", "s")


@pytest.mark.parametrize(
    ("labels", "owners", "agent"),
    [({"github-user": "5dlabs-tess", "service": "s"}, None, "tess"), ({"service": "s"}, [], "")],
    ids=["labels", "no run"],
)
def test_a_job_that_needs_no_run_for_its_labels_does_not_wait(labels, owners, agent):
    """It has both labels itself, or it is selected by its labels and has no run."""
    harness = StoreHarness(a_job(labels=labels, owners=owners), match_labels={"service": "s"})
    assert job_counter_lines(harness) == at_zero(agent, "s")


@pytest.mark.parametrize("known", ["initial list", "watch"])
def test_the_usual_results_of_a_run_are_exposed_with_0_once_it_is_seen(known):
    """The time to the first Job is exposed as well, by agent."""
    harness = StoreHarness(DONE) if known == "initial list" else StoreHarness()
    harness.put(OPEN)
    assert [line for line in harness.history() if not line.endswith(" 1.0")] == [
        'coderun_job_creation_seconds_count{agent="tess"} 0.0',
        'coderun_job_creation_seconds_sum{agent="tess"} 0.0',
        'coderuns_finished_total{agent="tess",namespace="n",result="succeeded"} 0.0',
        'coderuns_finished_total{agent="tess",namespace="n",result="failed"} 0.0',
        'coderuns_finished_total{agent="tess",namespace="n",result="cancelled"} 0.0',
        'coderun_job_creations_total{namespace="n",result="created"} 0.0',
        'coderun_job_creations_total{namespace="n",result="failed"} 0.0',
        *(f'coderun_outcomes_total{{agent="tess",namespace="n",outcome="{outcome}"}} 0.0' for outcome in OUTCOMES),
    ]


def test_a_rare_result_is_exposed_when_it_occurs():
    """A reason that has not occurred creates no series."""
    harness = StoreHarness(OPEN, a_job())
    harness.put(a_job(ended="Failed", reason="PodFailurePolicy"))
    new = job_counter_lines(harness) - at_zero("tess", "billing")
    assert len(new) == 3
    assert all('reason="PodFailurePolicy"' in line for line in new)


def test_a_run_that_finishes_is_counted_once():
    """It is counted by agent and result. Later changes, relists and its deletion are not counted."""
    harness = StoreHarness(OPEN)
    for run in (DONE, DONE | {"metadata": DONE["metadata"] | {"deletionTimestamp": "2025-10-09T10:00:00Z"}}):
        harness.put(run)
    harness.list("coderuns", DONE)
    harness.delete(DONE)
    assert nonzero_counter_lines(harness, "coderuns_finished_total") == [
        'coderuns_finished_total{agent="tess",namespace="n",result="succeeded"} 1.0'
    ]


def test_a_run_that_is_retried_is_counted_for_each_finish():
    """Failed, running, then succeeded is counted twice."""
    harness = StoreHarness(OPEN)
    for phase in ("Failed", "Running", "Succeeded"):
        harness.put(a_run(spec=TESS, status={"phase": phase}))
    assert sorted(nonzero_counter_lines(harness, "coderuns_finished_total")) == [
        'coderuns_finished_total{agent="tess",namespace="n",result="failed"} 1.0',
        'coderuns_finished_total{agent="tess",namespace="n",result="succeeded"} 1.0',
    ]


def test_runs_and_jobs_that_a_relist_shows_as_finished_are_counted():
    """They finished while the watch was interrupted."""
    harness = StoreHarness(OPEN, a_job())
    harness.list("coderuns", DONE)
    harness.list("jobs", a_job(ended="Complete"))
    assert nonzero_counter_lines(harness, "coderuns_finished_total")[0].endswith(" 1.0")
    assert nonzero_counter_lines(harness, "jobs_finished_total")[0].endswith(" 1.0")


def test_a_job_that_finishes_is_counted_once_with_its_duration():
    """The duration is from its start to its end. Agent and service are the run's if the Job has none."""
    harness = StoreHarness(OPEN, a_job())
    harness.put(done := a_job(ended="Complete", ended_at=CREATED + 310))
    harness.put(a_job(ended="Complete", ended_at=CREATED + 310, deleted=CREATED + 400))
    harness.delete(done)
    labels = '{agent="tess",namespace="n",reason="",result="succeeded",service="billing"}'
    assert sorted(
        nonzero_counter_lines(
            harness, "jobs_finished_total", "job_duration_seconds_sum", "job_duration_seconds_count"
        )
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
    """The reasons are a fixed set, because these series are never removed."""
    harness = StoreHarness(a_job())
    harness.put(a_job(ended="Failed", reason=reason, labels={"service": "s"}))
    assert nonzero_counter_lines(harness, "jobs_finished_total") == [
        f'jobs_finished_total{{agent="",namespace="n",reason="{label}",result="failed",service="s"}} 1.0'
    ]


def test_a_job_without_a_start_time_is_counted_without_a_duration():
    """A Job that ended before it started has a duration of 0 seconds."""
    harness = StoreHarness(a_job())
    harness.put(a_job(started=None, ended="Failed"))
    assert len(nonzero_counter_lines(harness, "jobs_finished_total")) == 1
    assert nonzero_counter_lines(harness, "job_duration_seconds_count") == []
    harness.put(a_job(uid="k", name="k", ended="Failed", ended_at=CREATED))
    assert len(nonzero_counter_lines(harness, "job_duration_seconds_count")) == 1
    assert nonzero_counter_lines(harness, "job_duration_seconds_sum") == []


@pytest.mark.parametrize("hostile", ["a\x00b", "a\ud800b", 'a"b\\c\nd', "\x7f"])
def test_no_label_value_breaks_the_exposition(hostile):
    """An invalid label value would make every later scrape fail."""
    harness = StoreHarness(
        a_run(spec={"service": hostile, "githubApp": hostile}, status={"phase": "Running"}), a_job()
    )
    harness.put(a_job(ended="Failed"))
    harness.put(a_run(spec={"service": hostile, "githubApp": hostile}, status={"phase": "Failed"}))
    text = "\n".join(harness.history())
    assert len(parse_exposition("\n".join(nonzero_counter_lines(harness, *FAMILIES)) + "\n")) == 4
    assert all(character.isprintable() or character == "\n" for character in text)


def test_a_configmap_has_no_counters():
    """A Job that is deleted while it is active is not counted either."""
    harness = StoreHarness(a_configmap(), needed=[required()])
    assert harness.history() == []
    harness.put(a_job(labels={"github-user": "5dlabs-tess", "service": "s"}))
    harness.delete(a_job())
    harness.list(JOBS)
    assert job_counter_lines(harness) == at_zero("tess", "s")


def test_counters_are_rendered_again_only_after_a_change():
    """Rendering a hundred combinations takes longer than all other work of a scrape."""
    harness = StoreHarness(OPEN, a_job())
    before = harness.lifecycle.text(openmetrics=False)
    assert harness.lifecycle.text(openmetrics=False) is before
    harness.put(a_job(ended="Complete"))
    after = harness.lifecycle.text(openmetrics=False)
    assert after != before
    assert harness.lifecycle.text(openmetrics=True).count("# EOF") == 0
    assert "# TYPE jobs_finished counter" in harness.lifecycle.text(openmetrics=True)


def test_a_cancelled_run_is_counted_as_cancelled():
    """It is finished, but has not failed."""
    harness = StoreHarness(OPEN)
    cancelled = msgspec.structs.replace(next(iter(harness.cache.runs)), state="cancelled")
    harness.store.apply(Change(CODERUNS, "coderuns.agents.platform/*", cancelled.uid, cancelled))
    assert nonzero_counter_lines(harness, "coderuns_finished_total") == [
        'coderuns_finished_total{agent="tess",namespace="n",result="cancelled"} 1.0'
    ]
