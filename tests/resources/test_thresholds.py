"""Which threshold applies to a run and to a Job."""

import pytest

from exporter.cache import NEVER, Thresholds
from exporter.resources.jobs import MAX_RUNTIME_ANNOTATION
from exporter.resources.kinds import DEADLINE_ANNOTATION
from tests.objects import a_job, a_run
from tests.worlds import page_of, samples

POLICY = Thresholds(
    job_creation_deadline=100,
    job_creation_deadlines={"tess": 200.5, "rex": NEVER},
    job_max_runtime=300,
    job_max_runtimes={"tess": 400, "rex": NEVER},
)


def deadline(*, agent="", annotation=None, thresholds=POLICY):
    """The value of a run's deadline on the page."""
    annotations = None if annotation is None else {DEADLINE_ANNOTATION: annotation}
    page = page_of(a_run(spec={"githubApp": agent}, annotations=annotations), thresholds=thresholds)
    return samples(page, "coderun_job_creation_deadline_seconds")[0].split()[-1]


def max_runtime(*, agent="", annotation=None, thresholds=POLICY, marks=None):
    """The value of a Job's maximum on the page."""
    annotations = None if annotation is None else {MAX_RUNTIME_ANNOTATION: annotation}
    run = a_run(spec={"githubApp": agent})
    page = page_of(run, a_job(labels=marks, annotations=annotations), thresholds=thresholds)
    return samples(page, "job_max_runtime_seconds")[0].split()[-1]


def test_the_names_of_the_annotations():
    """Users write them: they are an interface."""
    assert DEADLINE_ANNOTATION == "coderun-exporter/job-creation-deadline"
    assert MAX_RUNTIME_ANNOTATION == "coderun-exporter/max-runtime"


def test_the_defaults_are_ten_minutes_and_an_hour():
    """As the post-mortem asked."""
    assert (deadline(thresholds=None), max_runtime(thresholds=None)) == ("600", "3600")


@pytest.mark.parametrize(
    ("agent", "one", "other"),
    [("", "100", "300"), ("5DLabs-Cleo", "100", "300"), ("5DLabs-Tess", "200.5", "400"), ("Rex", "+Inf", "+Inf")],
)
def test_an_agent_may_have_limits_of_its_own(agent, one, other):
    """`none` is +Inf, which nothing exceeds."""
    assert (deadline(agent=agent), max_runtime(agent=agent)) == (one, other)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [("90s", "90"), ("1h30m", "5400"), (" 7 ", "7"), ("0.5", "0.5"), ("none", "+Inf"), ("0", "0")],
)
def test_an_annotation_goes_before_the_agent_and_the_default(annotation, value):
    """On the run for its Job's creation, on the Job for its run time."""
    assert deadline(agent="Tess", annotation=annotation) == value
    assert max_runtime(agent="Tess", annotation=annotation) == value


@pytest.mark.parametrize("annotation", ["", "soon", "-1", "1e9", "9" * 400 + "s", "9" * 5000 + "m", "٣m", "\ud800"])
def test_an_annotation_that_cannot_be_read_is_as_if_it_were_not_there(annotation):
    """A typo must not switch an alert off, and must not end the exporter."""
    assert deadline(agent="Tess", annotation=annotation) == "200.5"
    assert max_runtime(agent="Tess", annotation=annotation) == "400"


def test_the_agent_of_an_orphan_is_that_of_its_label():
    """The run's is not known."""
    page = page_of(a_job(labels={"github-user": "5dlabs-tess"}), thresholds=POLICY)
    assert samples(page, "job_max_runtime_seconds")[0].endswith(" 400")
    assert max_runtime(marks={"github-user": "5dlabs-tess"}) == "400"


@pytest.mark.parametrize(
    ("agent", "annotation", "thresholds", "configured"),
    [
        ("Cleo", None, Thresholds(), False),
        ("Cleo", "2h", Thresholds(), True),
        ("Tess", None, POLICY, True),
        ("Cleo", None, POLICY, False),
        ("Cleo", None, Thresholds(job_max_runtime=3600, job_max_runtime_is_set=True), True),
    ],
)
def test_the_page_says_whether_a_limit_was_set(agent, annotation, thresholds, configured):
    """By an annotation, for the agent, or for all: only then is a Job beyond it critical."""
    annotations = None if annotation is None else {MAX_RUNTIME_ANNOTATION: annotation}
    page = page_of(a_run(spec={"githubApp": agent}), a_job(annotations=annotations), thresholds=thresholds)
    assert len(samples(page, "job_max_runtime_configured")) == configured
