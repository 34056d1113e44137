"""The gate of the mutation tests: which survivors are accepted, and how many mutants have to be killed."""

import pathlib

import pytest

from tools.mutate.rules import load, mutants
from tools.mutate.verdict import Accepted, Result, SurvivorsError, faults, load_accepted

ALERTS = pathlib.Path(__file__).resolve().parents[2] / "alerts"


def result(change, *, killed):
    """What became of a made-up mutant."""
    return Result(rule="Down", place="up", change=change, killed=killed)


def accepted(change, *, reason="no test can tell it"):
    """An entry of the list for a made-up mutant."""
    return Accepted(rule="Down", place="up", change=change, reason=reason)


KILLED = [result(f"killed {number}", killed=True) for number in range(19)]
SURVIVOR = result("spared", killed=False)


@pytest.mark.parametrize(
    ("results", "listed", "expected"),
    [
        ([*KILLED, SURVIVOR], [accepted("spared")], []),
        ([*KILLED, SURVIVOR], [], ["not listed: Down | up | spared survived"]),
        ([*KILLED, SURVIVOR], [accepted("spared"), accepted("gone")], ["stale: Down | up | gone is no mutant"]),
        (KILLED, [accepted("killed 3")], ["stale: Down | up | killed 3 is killed"]),
        ([*KILLED, SURVIVOR], [accepted("spared")] * 2, ["listed 2 times: Down | up | spared"]),
        ([*KILLED, SURVIVOR], [accepted("spared", reason=" ")], ["no reason: Down | up | spared"]),
        ([*KILLED[1:], SURVIVOR], [accepted("spared")], ["too few: 94.7% of the mutants were killed"]),
        ([], [], []),
    ],
    ids=["open", "not listed", "no mutant", "killed", "twice", "no reason", "too few", "nothing"],
)
def test_the_gate_is_open_only_if_every_survivor_is_listed_and_few(results, listed, expected):
    """A line for each fault, which names the mutant, and none where all is well."""
    lines = faults(results, listed)
    assert len(lines) == len(expected)
    assert all(line.startswith(beginning) for line, beginning in zip(lines, expected, strict=True))


@pytest.mark.parametrize("text", ["- {rule: a, place: b, change: c}", "- {rule: a, why: b}", "[", None])
def test_a_list_that_cannot_be_read_is_named(tmp_path, text):
    """A missing reason, an unknown field, no YAML, no file."""
    file = tmp_path / "survivors.yml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SurvivorsError, match=r"survivors\.yml"):
        load_accepted(file)


def test_the_list_of_this_bundle_names_mutants_that_exist_and_gives_a_reason_for_each():
    """What can be known without a trial: a rule that changes takes its entries with it."""
    rules = load(ALERTS / "rules")
    named = {(rule.title, mutant.place, mutant.change) for rule in rules for mutant in mutants(rule)[0]}
    listed = load_accepted(ALERTS / "survivors.yml")
    assert {entry.key for entry in listed} <= named
    assert faults([], []) == ()
    assert all(entry.reason.strip() for entry in listed)
