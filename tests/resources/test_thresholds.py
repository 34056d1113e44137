"""Which thresholds apply to a run and to a Job."""

import pytest

from exporter.cache import NEVER, Thresholds
from exporter.resources.jobs import MAX_RUNTIME_ANNOTATION
from exporter.resources.kinds import DEADLINE_ANNOTATION
from tests.harness import exposition_of, samples
from tests.objects import a_job, a_run

THRESHOLDS = Thresholds(
    job_creation_deadline=100,
    job_creation_deadlines={"tess": 200.5, "rex": NEVER},
    job_max_runtime=300,
    job_max_runtimes={"tess": 400, "rex": NEVER},
)


def deadline(*, agent="", annotation=None, thresholds=THRESHOLDS):
    """The value of `coderun_job_creation_deadline_seconds`."""
    annotations = None if annotation is None else {DEADLINE_ANNOTATION: annotation}
    exposition = exposition_of(a_run(spec={"githubApp": agent}, annotations=annotations), thresholds=thresholds)
    return samples(exposition, "coderun_job_creation_deadline_seconds")[0].split()[-1]


def max_runtime(*, agent="", annotation=None, thresholds=THRESHOLDS, labels=None):
    """The value of `job_max_runtime_seconds`."""
    annotations = None if annotation is None else {MAX_RUNTIME_ANNOTATION: annotation}
    run = a_run(spec={"githubApp": agent})
    exposition = exposition_of(run, a_job(labels=labels, annotations=annotations), thresholds=thresholds)
    return samples(exposition, "job_max_runtime_seconds")[0].split()[-1]


def test_the_names_of_the_annotations():
    """Users write these annotations, so the names must not change."""
    assert DEADLINE_ANNOTATION == "coderun-exporter/job-creation-deadline"
    assert MAX_RUNTIME_ANNOTATION == "coderun-exporter/max-runtime"


def test_the_defaults_are_ten_minutes_and_an_hour():
    """A run must have a Job after 600 s, and a Job may run for 3600 s."""
    assert (deadline(thresholds=None), max_runtime(thresholds=None)) == ("600", "3600")


@pytest.mark.parametrize(
    ("agent", "one", "other"),
    [("", "100", "300"), ("5DLabs-Cleo", "100", "300"), ("5DLabs-Tess", "200.5", "400"), ("Rex", "+Inf", "+Inf")],
)
def test_an_agent_can_have_its_own_thresholds(agent, one, other):
    """The threshold `none` is +Inf, which is never exceeded."""
    assert (deadline(agent=agent), max_runtime(agent=agent)) == (one, other)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [("90s", "90"), ("1h30m", "5400"), (" 7 ", "7"), ("0.5", "0.5"), ("none", "+Inf"), ("0", "0")],
)
def test_an_annotation_has_precedence_over_the_agent_and_the_default(annotation, value):
    """The job-creation-deadline annotation is set on the run, max-runtime on the Job."""
    assert deadline(agent="Tess", annotation=annotation) == value
    assert max_runtime(agent="Tess", annotation=annotation) == value


@pytest.mark.parametrize("annotation", ["", "soon", "-1", "1e9", "9" * 400 + "s", "9" * 5000 + "m", "٣m", "\ud800"])
def test_an_invalid_annotation_is_ignored(annotation):
    """A typo must not disable an alert or crash the exporter."""
    assert deadline(agent="Tess", annotation=annotation) == "200.5"
    assert max_runtime(agent="Tess", annotation=annotation) == "400"


def test_the_agent_of_a_job_without_its_run_is_that_of_its_label():
    """The agent of the run is unknown."""
    exposition = exposition_of(a_job(labels={"github-user": "5dlabs-tess"}), thresholds=THRESHOLDS)
    assert samples(exposition, "job_max_runtime_seconds")[0].endswith(" 400")
    assert max_runtime(labels={"github-user": "5dlabs-tess"}) == "400"


@pytest.mark.parametrize(
    ("agent", "annotation", "thresholds", "configured"),
    [
        ("Cleo", None, Thresholds(), False),
        ("Cleo", "2h", Thresholds(), True),
        ("Tess", None, THRESHOLDS, True),
        ("Cleo", None, THRESHOLDS, False),
        ("Cleo", None, Thresholds(job_max_runtime=3600, job_max_runtime_is_set=True), True),
    ],
)
def test_job_max_runtime_configured_is_exposed_if_a_limit_was_set(agent, annotation, thresholds, configured):
    """A limit is set by an annotation, for the agent, or for all. Only then the alert is critical."""
    annotations = None if annotation is None else {MAX_RUNTIME_ANNOTATION: annotation}
    exposition = exposition_of(
        a_run(spec={"githubApp": agent}), a_job(annotations=annotations), thresholds=thresholds
    )
    assert len(samples(exposition, "job_max_runtime_configured")) == configured
