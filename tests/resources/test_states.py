"""States of runs: from the phases of each kind to what rules ask for."""

import pytest

from exporter.config import CodeRuns, Kind, Settings, StateRule
from exporter.sources import kinds_of
from tests.objects import a_run
from tests.worlds import World, page_of, samples

BOLTRUN = Kind(group="cto.5dlabs.ai", version="v1alpha1", plural="boltruns", kind="BoltRun")
AGENTTASK = Kind(group="example.com", version="v1", plural="agenttasks", kind="AgentTask")


def states_of(kind):
    """The state map of a kind in the settings."""
    (made,) = kinds_of(Settings(coderuns=CodeRuns(kinds=(kind,))))
    return made.states


@pytest.mark.parametrize(
    ("kind", "phase", "state"),
    [
        (Kind(), "", "open"),
        (Kind(), "Pending", "open"),
        (Kind(), "Running", "open"),
        (Kind(), "Succeeded", "succeeded"),
        (Kind(), "Failed", "failed"),
        (Kind(), "Cancelled", "open"),
        (BOLTRUN, "Initializing", "open"),
        (BOLTRUN, "Cancelled", "cancelled"),
        (BOLTRUN, "Succeeded", "succeeded"),
        (AGENTTASK, "Completed", "succeeded"),
        (AGENTTASK, "Cancelled", "cancelled"),
        (AGENTTASK, "Thinking", "open"),
    ],
)
def test_each_kind_has_a_map_from_phases_to_states(kind, phase, state):
    """The platform's own kinds have the phases that their controllers write; an unlisted phase is open."""
    assert states_of(kind).of(phase) == state


def test_the_settings_may_name_the_states_of_a_kind():
    """Then these alone are listed: `absent` is no or an empty phase."""
    rule = StateRule(waiting=("Queued", "absent"), open=("Working",), succeeded=("Done",), cancelled=("Stopped",))
    states = states_of(Kind(state=(rule,)))
    phases = ("", "Queued", "Working", "Done", "Stopped", "Running")
    assert [states.of(phase) for phase in phases] == ["waiting", "waiting", "open", "succeeded", "cancelled", "open"]
    assert [states.label(phase) for phase in phases] == ["none", "Queued", "Working", "Done", "Stopped", "other"]


@pytest.mark.parametrize(
    ("kind", "needed"),
    [(Kind(), True), (BOLTRUN, False), (AGENTTASK, False), (Kind(plural="x", requires_configmaps=True), True)],
)
def test_only_kinds_that_need_the_configmaps_get_causes_that_name_one(kind, needed):
    """By default those of the platform of the incident."""
    (made,) = kinds_of(Settings(coderuns=CodeRuns(kinds=(kind,))))
    assert made.requires_configmaps is needed


@pytest.mark.parametrize(
    ("phase", "state"),
    [(None, "open"), ("Running", "open"), ("Succeeded", "succeeded"), ("Failed", "failed"), ("Paused", "open")],
)
def test_a_run_has_one_state_on_the_page(phase, state):
    """Exactly one sample, whatever the phase."""
    page = page_of(a_run(status=phase and {"phase": phase}))
    assert samples(page, "coderun_state") == [f'coderun_state{{namespace="n",coderun="r",state="{state}"}} 1']


def test_the_state_changes_with_the_phase():
    """The event of the run renders it again."""
    world = World(run := a_run(status={"phase": "Running"}))
    assert 'state="open"' in samples(world.text(), "coderun_state")[0]
    world.put(run | {"status": {"phase": "Failed"}})
    assert 'state="failed"' in samples(world.text(), "coderun_state")[0]
