"""Why an open run has no Job: the named causes."""

import pytest

from exporter.diagnosis import Cause, stall_causes
from tests.objects import CREATED, a_configmap, a_job, a_run
from tests.worlds import World, required

NAMES = ("claude", "codex", "cursor", "factory", "integration", "shared")
NEEDED = tuple(required(f"controller-agent-templates-{name}") for name in NAMES)
WHOLE = tuple(a_configmap(name=item.name, data={"a.hbs": "x"}) for item in NEEDED)
NO_STATUS = ("not_reconciled", "no finalizer and no status: no controller has processed it")


def causes(*objects, run=None, needed=NEEDED, **settings):
    """The causes for the run, without the namespace of the ConfigMaps."""
    world = World(run or a_run(), *objects, needed=needed, **settings)
    found = stall_causes(next(iter(world.cluster.runs)), world.cluster)
    return [(cause, detail.removeprefix("agent-platform/controller-agent-templates-")) for cause, detail in found]


def without(*names):
    """All ConfigMaps but these."""
    return [item for item in WHOLE if item["metadata"]["name"].rpartition("-")[2] not in names]


def of(cli):
    """A run of this CLI."""
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
def test_a_broken_configmap_is_the_cause_where_the_runs_cli_needs_it(cli, missing, named):
    """Those of other CLIs are none of its business; those of no CLI are everyone's. In the order of their names."""
    found = causes(*without(*missing), run=of(cli))
    assert found == ([("configmap_missing", name) for name in named] or [NO_STATUS])


def test_a_configmap_with_any_other_name_is_everyones():
    """The names are configurable: one that names no CLI concerns every run."""
    needed = (required("templates-v2"),)
    assert causes(run=of("codex"), needed=needed) == [("configmap_missing", "agent-platform/templates-v2")]


@pytest.mark.parametrize(
    ("data", "cause", "detail"),
    [
        (None, "configmap_empty", "claude"),
        ({"c": "x"}, "configmap_missing_key", "claude key a.hbs"),
        ({"a.hbs": "", "b.hbs": "x"}, "configmap_empty_key", "claude key a.hbs"),
        ({"a.hbs": "", "c": "x"}, "configmap_missing_key", "claude key b.hbs"),
    ],
)
def test_the_cause_is_named_after_the_configmaps_first_problem(data, cause, detail):
    """With its key, where it is about one."""
    needed = (required(keys=("a.hbs", "b.hbs")),)
    assert causes(a_configmap(data=data), needed=needed) == [(cause, detail)]


def test_a_configmap_is_named_before_the_missing_status():
    """The likeliest first, and alone: the missing status is only its sign."""
    assert causes(*without("shared")) == [("configmap_missing", "shared")]
    assert causes(*WHOLE) == [NO_STATUS]


def test_a_run_that_names_a_job_that_is_not_there_says_so():
    """After a retry that did not get on; a detail is never longer than 200 characters."""
    run = a_run(status={"phase": "Running", "jobName": "x" * 300})
    ((cause, detail),) = causes(*WHOLE, run=run)
    assert (cause, len(detail) <= 200) == ("job_missing", True)
    assert detail.startswith("status names Job xxx")
    assert detail.endswith("x, which does not exist")


@pytest.mark.parametrize("phase", ["Pending", "Running", "SomethingNew"])
def test_a_run_of_which_nothing_more_is_known_has_no_cause(phase):
    """Nothing is invented."""
    assert causes(*WHOLE, run=a_run(status={"phase": phase})) == []


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_terminal_run_has_no_cause(phase):
    """It waits for nothing."""
    assert causes(run=a_run(status={"phase": phase})) == []


def test_a_run_with_a_job_has_no_cause():
    """And one whose Job is being deleted has none left, which is the cause."""
    assert causes(a_job()) == []
    assert causes(*WHOLE, a_job(deleted=CREATED + 20)) == [("job_deleting", "Job j is being deleted")]


def test_while_jobs_are_unknown_there_is_no_cause():
    """The run may have a Job."""
    assert causes(unread=("jobs",)) == []


def test_a_configmap_that_was_never_read_is_no_cause():
    """An unknown is not a no."""
    assert causes(unread=("configmaps",)) == [NO_STATUS]


def test_a_detail_is_cut():
    """It is the one free text in labels."""
    assert Cause.of("c", "d" * 300) == ("c", f"{'d' * 98} \u2026 {'d' * 98}")
    assert Cause.of("c", "d") == ("c", "d")


def test_details_that_became_equal_by_being_cut_are_one_cause():
    """Two equal series would spoil the page."""
    long = [required("x" * 110 + end + "x" * 110) for end in "ab"]
    assert len(causes(needed=tuple(long))) == 1
