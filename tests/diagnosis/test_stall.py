"""The causes of open runs without a Job."""

import pytest

from exporter.diagnosis import Cause, stall_causes
from tests.harness import StoreHarness, required
from tests.objects import CREATED, a_configmap, a_job, a_run

NAMES = ("claude", "codex", "cursor", "factory", "integration", "shared")
NEEDED = tuple(required(f"controller-agent-templates-{name}") for name in NAMES)
HEALTHY_CONFIGMAPS = tuple(a_configmap(name=item.name, data={"a.hbs": "x"}) for item in NEEDED)
NO_STATUS = ("not_reconciled", "no finalizer and no status: no controller has processed it")


def causes(*objects, run=None, needed=NEEDED, **settings):
    """The causes of the run, without the namespace and the prefix of the ConfigMaps."""
    harness = StoreHarness(run or a_run(), *objects, needed=needed, **settings)
    found = stall_causes(next(iter(harness.cache.runs)), harness.cache)
    return [(cause, detail.removeprefix("agent-platform/controller-agent-templates-")) for cause, detail in found]


def without(*names):
    """All required ConfigMaps except those with these suffixes."""
    return [item for item in HEALTHY_CONFIGMAPS if item["metadata"]["name"].rpartition("-")[2] not in names]


def run_of(cli):
    """A run with this CLI."""
    return a_run(spec={"cliConfig": {"cliType": cli}})


@pytest.mark.parametrize(
    ("cli", "missing", "named"),
    [
        (None, ["claude"], ["claude"]),
        (None, ["codex"], []),
        ("codex", ["codex"], ["codex"]),
        ("Codex", ["codex"], ["codex"]),
        ("codex-cli", ["claude", "codex"], ["codex"]),
        ("codex", ["claude", "cursor", "factory"], []),
        ("codex", ["shared", "integration", "codex"], ["codex", "integration", "shared"]),
        ("grok", ["shared", "claude"], ["shared"]),
    ],
)
def test_a_missing_configmap_is_the_cause_if_the_cli_of_the_run_needs_it(cli, missing, named):
    """ConfigMaps of other CLIs do not affect the run. Causes are sorted by name."""
    found = causes(*without(*missing), run=run_of(cli))
    assert found == ([("configmap_missing", name) for name in named] or [NO_STATUS])


def test_a_configmap_whose_name_contains_no_cli_affects_every_run():
    """The names of ConfigMaps are configurable."""
    needed = (required("templates-v2"),)
    assert causes(run=run_of("codex"), needed=needed) == [("configmap_missing", "agent-platform/templates-v2")]


@pytest.mark.parametrize(
    ("data", "cause", "detail"),
    [
        (None, "configmap_empty", "claude"),
        ({"c": "x"}, "configmap_missing_key", "claude key a.hbs"),
        ({"a.hbs": "", "b.hbs": "x"}, "configmap_empty_key", "claude key a.hbs"),
        ({"a.hbs": "", "c": "x"}, "configmap_missing_key", "claude key b.hbs"),
    ],
)
def test_the_cause_is_the_first_problem_of_the_configmap(data, cause, detail):
    """The detail contains the key if the problem is about a key."""
    needed = (required(keys=("a.hbs", "b.hbs")),)
    assert causes(a_configmap(data=data), needed=needed) == [(cause, detail)]


def test_a_broken_configmap_is_reported_instead_of_the_missing_status():
    """The missing status is only a symptom."""
    assert causes(*without("shared")) == [("configmap_missing", "shared")]
    assert causes(*HEALTHY_CONFIGMAPS) == [NO_STATUS]


def test_a_run_whose_status_names_a_missing_job_has_the_cause_job_missing():
    """This happens after an incomplete retry. A detail has at most 200 characters."""
    run = a_run(status={"phase": "Running", "jobName": "x" * 300})
    ((cause, detail),) = causes(*HEALTHY_CONFIGMAPS, run=run)
    assert (cause, len(detail) <= 200) == ("job_missing", True)
    assert detail.startswith("status names Job xxx")
    assert detail.endswith("x, which does not exist")


@pytest.mark.parametrize("phase", ["Pending", "Running", "SomethingNew"])
def test_a_processed_run_without_a_job_may_have_no_cause(phase):
    """Its status is set, and nothing else is known."""
    assert causes(*HEALTHY_CONFIGMAPS, run=a_run(status={"phase": phase})) == []


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_run_has_no_cause(phase):
    """A finished run needs no Job."""
    assert causes(run=a_run(status={"phase": phase})) == []


def test_a_run_with_a_job_has_no_cause():
    """If its only Job is being deleted, that is the cause."""
    assert causes(a_job()) == []
    assert causes(*HEALTHY_CONFIGMAPS, a_job(deleted=CREATED + 20)) == [("job_deleting", "Job j is being deleted")]


def test_while_jobs_are_unknown_there_is_no_cause():
    """The run may have a Job."""
    assert causes(unread=("jobs",)) == []


def test_a_configmap_that_was_never_read_is_no_cause():
    """Its state is unknown."""
    assert causes(unread=("configmaps",)) == [NO_STATUS]


def test_a_detail_is_truncated():
    """It is the only free text in label values."""
    assert Cause.of("c", "d" * 300) == ("c", f"{'d' * 98} \u2026 {'d' * 98}")
    assert Cause.of("c", "d") == ("c", "d")


def test_details_that_are_equal_after_truncation_are_one_cause():
    """Prometheus would reject duplicate series."""
    long = [required("x" * 110 + end + "x" * 110) for end in "ab"]
    assert len(causes(needed=tuple(long))) == 1
