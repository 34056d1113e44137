"""Workflows in, alerts of the shipped rules out: promtool evaluates the rules over scrapes of 30 s."""

import pytest

from exporter.cache import Thresholds
from lab.timelapse.evaluation import metrics_of, verdict
from lab.timelapse.series import Recorder
from tests.harness import StoreHarness
from tests.objects import CREATED, a_job, a_run
from tests.workflows import CREATE, a_node, a_run_of, a_workflow, a_workflow_template, leaf

pytestmark = [pytest.mark.needs("promtool"), pytest.mark.timeout(120)]

NAMES = ("WorkflowStepStalled", "WorkflowNeverEnds", "WorkflowStepUnbounded")
WORKFLOW = a_workflow(leaf())
LIMITS = Thresholds(job_creation_deadline=600.0, job_max_runtime=600.0)
"""Twenty minutes together; by default it is 70 minutes."""


def alerts(*objects, minutes, **changes):
    """The alerts about workflows, with their labels: the seconds from CREATED to the first evaluation.

    `changes` are objects that are added, by the minute, such as `m5=job`.
    """
    store, recorder = (
        StoreHarness(*objects, now=CREATED, thresholds=LIMITS, has_workflows=True),
        Recorder(metrics=metrics_of()),
    )
    later = {60 * int(name[1:]): item for name, item in changes.items()}
    for second in range(30, 60 * minutes + 30, 30):
        if (item := later.get(second)) is not None:
            store.put(item)
        store.advance(CREATED + second)
        recorder.scrape({"a": store.text()}, started={"a": CREATED})
    found = verdict(recorder, start=CREATED + 30, first=0, last=recorder.scrapes - 1)
    return {
        (one.alert, one.labels.get("coderun", ""), one.labels.get("job_name", "")): one.first - CREATED
        for one in found
        if one.alert in NAMES
    }


def test_a_step_whose_run_never_gets_a_job_is_stalled_at_the_limit():
    """As in the incident, for 7.5 hours. The alert names the run, by which the alert about the run inhibits it."""
    run = a_run_of(WORKFLOW, a_run(name="x-1", created=CREATED + 5))
    assert alerts(WORKFLOW, run, minutes=22) == {("WorkflowStepStalled", "x-1", ""): 1230}


def test_a_step_whose_job_hangs_is_stalled_and_names_the_job():
    """The time until the Job starts counts in full: it started after 15 minutes."""
    run = a_run_of(WORKFLOW, a_run(name="x-1", created=CREATED + 5))
    job = a_job(of=run, created=CREATED + 900, started=CREATED + 900)
    assert alerts(WORKFLOW, run, minutes=27, m15=job) == {("WorkflowStepStalled", "x-1", "j"): 1530}


def test_a_step_that_ends_and_one_that_waits_for_a_person_do_not_fire():
    """The step ends in the 20th minute, and the suspend step still runs."""
    person = a_node("play[1].approve", type_="Suspend")
    ended = a_workflow(leaf(phase="Succeeded", finished=CREATED + 1200), person)
    assert alerts(a_workflow(leaf(), person), minutes=25, m20=ended) == {}


def test_a_workflow_that_never_ends_and_a_template_without_limits():
    """The nodes ended at CREATED, and the workflow is still running."""
    idle = a_workflow(leaf(phase="Failed", finished=CREATED))
    found = alerts(idle, a_workflow_template(CREATE), minutes=20)
    assert found == {("WorkflowNeverEnds", "", ""): 930, ("WorkflowStepUnbounded", "", ""): 30}
