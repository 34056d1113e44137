"""The errors of the mutation tests: survivors that are not listed, and too few killed mutants."""

import pytest

from tools.mutate.verdict import Accepted, Result, SurvivorsError, entries, faults, load_accepted


def result(change, *, killed):
    """The result of a mutant for tests."""
    return Result(rule="Down", place="up", change=change, killed=killed)


def accepted_survivor(change, *, reason="no test can tell it"):
    """An entry of the list of survivors for tests."""
    return Accepted(rule="Down", place="up", change=change, reason=reason)


KILLED = [result(f"killed {number}", killed=True) for number in range(19)]
SURVIVOR = result("spared", killed=False)


@pytest.mark.parametrize(
    ("results", "listed", "expected"),
    [
        ([*KILLED, SURVIVOR], [accepted_survivor("spared")], []),
        ([*KILLED, SURVIVOR], [], ["not listed: Down | up | spared survived"]),
        (
            [*KILLED, SURVIVOR],
            [accepted_survivor("spared"), accepted_survivor("gone")],
            ["stale: Down | up | gone is no mutant"],
        ),
        (KILLED, [accepted_survivor("killed 3")], ["stale: Down | up | killed 3 is killed"]),
        ([*KILLED, SURVIVOR], [accepted_survivor("spared")] * 2, ["listed 2 times: Down | up | spared"]),
        ([*KILLED, SURVIVOR], [accepted_survivor("spared", reason=" ")], ["no reason: Down | up | spared"]),
        ([*KILLED[1:], SURVIVOR], [accepted_survivor("spared")], ["too few: 94.7% of the mutants were killed"]),
        ([], [], []),
    ],
    ids=["open", "not listed", "no mutant", "killed", "twice", "no reason", "too few", "nothing"],
)
def test_every_survivor_must_be_listed(results, listed, expected):
    """Each error is one line that names the mutant. Without an error there are no lines."""
    lines = faults(results, listed)
    assert len(lines) == len(expected)
    assert all(line.startswith(beginning) for line, beginning in zip(lines, expected, strict=True))


def test_survivors_are_printed_as_entries_of_the_list(tmp_path):
    """Only the reasons are missing: with them, there is no error. A place may be longer than a line."""
    survivors = [
        Result(rule="Down", place=place, change=change, killed=False)
        for place, change in (("… * on (a) " + "b or " * 40, "* -> /"), ('up{job=~".*",a=""}', 'without a=""'))
    ]
    file = tmp_path / "survivors.yml"
    file.write_text(entries(survivors))
    results = [*KILLED, *KILLED, *survivors]
    assert len(faults(results, load_accepted(file))) == 2
    file.write_text(file.read_text().replace("reason: ''", "reason: none can"))
    assert faults(results, load_accepted(file)) == ()
    assert file.read_text().count("\n") == 4 * 2 + 1
    assert entries([]) == ""


@pytest.mark.parametrize("text", ["- {rule: a, place: b, change: c}", "- {rule: a, why: b}", "[", None])
def test_an_invalid_list_of_survivors_is_an_error(tmp_path, text):
    """It has a missing reason or an unknown field, is no YAML, or does not exist. The error names the file."""
    file = tmp_path / "survivors.yml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SurvivorsError, match=r"survivors\.yml"):
        load_accepted(file)
