"""Kinds of runs and ConfigMaps in the settings: one line for each thing that can be wrong with them."""

import pytest

from exporter.config import Settings
from exporter.config_file import load
from tests.test_config import the_error, write

STATES = "coderuns:\n  kinds:\n  - kind: A\n  - kind: B\n    plural: bs\n    state:\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "    - open: [Running, Paused]\n      waiting: [Queued,\n        Paused]",
            ":7: coderuns.kinds.1.state.0.open: 'Paused' stands for two states, waiting and open",
        ),
        (
            "    - failed: ['']\n      succeeded: [absent]",
            ":7: coderuns.kinds.1.state.0.failed: '' stands for two states, succeeded and failed",
        ),
        (
            "    - open: []\n      finished: [Done]",
            (
                ":8: unknown key 'coderuns.kinds.1.state.0.finished'; "
                "known here: path, waiting, open, succeeded, failed, cancelled"
            ),
        ),
        (
            "    - canceled: [Done]",
            ":7: unknown key 'coderuns.kinds.1.state.0.canceled'; did you mean 'cancelled'?",
        ),
        (
            "    - open: []\n      path: .status.state",
            ":8: coderuns.kinds.1.state.0.path: '.status.state' is not read, only .status.phase is",
        ),
        ("    - {}\n    - {}", ":6: coderuns.kinds.1.state: expected one mapping, got 2"),
        ("      open: [A]", ":6: coderuns.kinds.1.state: expected a list, got a mapping"),
        ("    - open: A", ":7: coderuns.kinds.1.state.0.open: expected a list, got str"),
    ],
)
def test_a_wrong_state_is_named_with_its_key(tmp_path, text, line):
    """A value in two states, a state that there is not, a path that is not read."""
    assert the_error(tmp_path, STATES + text) == line


def test_a_value_may_stand_twice_for_one_state(tmp_path):
    """Which says nothing else."""
    (_, kind) = load(write(tmp_path, f"{STATES}    - {{open: [A, A], path: .status.phase}}")).coderuns.kinds
    assert kind.state[0].open == ("A", "A")


def test_configmaps_are_named_only_where_the_settings_name_them(tmp_path):
    """Their namespace alone names none; the default's own names do, if they are written down."""
    assert not load(write(tmp_path, "configmaps: {namespace: cto}")).configmaps.named
    assert not Settings().configmaps.named
    assert load(write(tmp_path, "configmaps: {required: []}")).configmaps.named
    names = ", ".join(map(str, Settings().configmaps.required))
    same = load(write(tmp_path, f"configmaps: {{required: [{names}]}}")).configmaps
    assert same.named
    assert same.required == Settings().configmaps.required
