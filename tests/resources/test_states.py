"""The states of runs, which rules use, and the phases that they are computed from."""

import msgspec
import pytest

from exporter.config import CodeRuns, Settings
from exporter.informers import kinds_of
from exporter.profiles import Profile, StateRule
from tests.harness import StoreHarness, exposition_of, samples
from tests.objects import a_run

BOLTRUN = Profile(group="cto.5dlabs.ai", version="v1alpha1", plural="boltruns", kind="BoltRun")
AGENTTASK = Profile(group="example.com", version="v1", plural="agenttasks", kind="AgentTask")


def state_of(kind, phase):
    """The state and the phase label of a run with this phase."""
    (made,) = kinds_of(Settings(coderuns=CodeRuns(kinds=(kind,))))
    run = a_run(status={"phase": phase} if phase else None)
    state = made.reader.state(made.reader.values(msgspec.convert(run, made.reader.type)))
    return state.state, state.label


@pytest.mark.parametrize(
    ("kind", "phase", "state"),
    [
        (Profile(), "", "open"),
        (Profile(), "Pending", "open"),
        (Profile(), "Running", "open"),
        (Profile(), "Succeeded", "succeeded"),
        (Profile(), "Failed", "failed"),
        (Profile(), "Cancelled", "open"),
        (BOLTRUN, "Initializing", "open"),
        (BOLTRUN, "Cancelled", "cancelled"),
        (BOLTRUN, "Succeeded", "succeeded"),
        (AGENTTASK, "Completed", "succeeded"),
        (AGENTTASK, "Cancelled", "cancelled"),
        (AGENTTASK, "Thinking", "open"),
    ],
)
def test_each_kind_maps_phases_to_states(kind, phase, state):
    """Shipped kinds list the phases that their controllers write. A phase that is not listed is open."""
    assert state_of(kind, phase)[0] == state


def test_the_settings_can_define_the_states_of_a_kind():
    """Only these are used. `absent` matches a missing or empty phase."""
    rule = StateRule(waiting=("Queued", "absent"), open=("Working",), succeeded=("Done",), cancelled=("Stopped",))
    found = [
        state_of(Profile(state=(rule,)), phase) for phase in ("", "Queued", "Working", "Done", "Stopped", "Running")
    ]
    assert [state for state, _ in found] == ["waiting", "waiting", "open", "succeeded", "cancelled", "open"]
    assert [label for _, label in found] == ["none", "Queued", "Working", "Done", "Stopped", "other"]


@pytest.mark.parametrize(
    ("kind", "needed"),
    [(Profile(), True), (BOLTRUN, False), (AGENTTASK, False), (Profile(plural="x", requires_configmaps=True), True)],
)
def test_only_kinds_that_need_the_configmaps_have_causes_that_name_one(kind, needed):
    """By default these are the kinds of the agent platform."""
    (made,) = kinds_of(Settings(coderuns=CodeRuns(kinds=(kind,))))
    assert made.requires_configmaps is needed


@pytest.mark.parametrize(
    ("phase", "state"),
    [(None, "open"), ("Running", "open"), ("Succeeded", "succeeded"), ("Failed", "failed"), ("Paused", "open")],
)
def test_a_run_has_one_state(phase, state):
    """There is exactly one sample, whatever the phase."""
    exposition = exposition_of(a_run(status=phase and {"phase": phase}))
    assert samples(exposition, "coderun_state") == [f'coderun_state{{namespace="n",coderun="r",state="{state}"}} 1']


def test_the_state_changes_with_the_phase():
    """A watch event of the run renders its state again."""
    harness = StoreHarness(run := a_run(status={"phase": "Running"}))
    assert 'state="open"' in samples(harness.text(), "coderun_state")[0]
    harness.put(run | {"status": {"phase": "Failed"}})
    assert 'state="failed"' in samples(harness.text(), "coderun_state")[0]
