"""Lines of an answer: the end of it is kept, within 4 MiB, whatever its pieces."""

import pytest
from hypothesis import given, strategies as st

from exporter.kube.budget import Budget
from exporter.kube.errors import TooLargeError
from exporter.log_polling.lines import MAX_KEPT_BYTES, LogLines

MIB = 1 << 20


def read(*pieces, is_over=False, budget=None):
    """The lines of these pieces."""
    with (budget or Budget()).share("/log") as share:
        lines = LogLines(share)
        for piece in pieces:
            lines.feed(piece)
        return list(lines.finish(is_over=is_over))


def test_an_unfinished_last_line_counts_only_at_the_end():
    """While the container runs, the next answer has it complete, with the same stamp."""
    assert [line.text for line in read(b"a\nb", b"c\nd")] == [b"a", b"bc"]
    assert [line.text for line in read(b"a\nb", b"c\nd", is_over=True)] == [b"a", b"bc", b"d"]
    assert read(b"a\n", is_over=True) == read(b"a\n")


def test_the_end_of_a_large_answer_is_kept():
    """The newest line is at the end."""
    lines = read(*[b"%d" % number + b"x" * MIB + b"\n" for number in range(10)])
    assert [line.text[:1] for line in lines] == [b"7", b"8", b"9"]
    assert not any(line.cut for line in lines)


@pytest.mark.parametrize("size", [100, MIB, 3 * MAX_KEPT_BYTES])
def test_a_line_of_megabytes_is_its_beginning_and_its_end(size):
    """The outcome of an agent is in the first bytes of its last line, the cost in the last."""
    body = b"before\n" + b"a" * 5000 + b"x" * (2 * MAX_KEPT_BYTES) + b"z" * 5000 + b"\nafter\n"
    before, *lines = read(*(body[at : at + size] for at in range(0, len(body), size)))[-3:]
    long, after = lines if lines[1:] else (before, *lines)
    assert (long.text, long.cut) == (b"a" * 4096 + b"\n" + b"z" * 4096, True)
    assert (after.text, after.cut) == (b"after", False)


def test_what_is_kept_counts_in_the_budget():
    """Many logs at once are bounded together, and the memory is given back."""
    budget = Budget(max_bytes=2 * MIB)
    assert len(read(b"x" * MIB + b"\n", budget=budget)) == 1
    assert budget.used == 0
    with pytest.raises(TooLargeError, match="the response at /log is too large"):
        read(b"x" * MIB + b"\n", b"x" * MIB, budget=budget)


@pytest.mark.parametrize("pieces", [[b"\n" * MIB + b"a\nb\n"], [b"a\n"] * 2000 + [b"b\n"]])
def test_more_lines_than_are_requested_are_not_kept(pieces):
    """A line takes memory and time even without text."""
    lines = read(*pieces)
    assert [line.text for line in lines[-2:]] == [b"a", b"b"]
    assert len(lines) in {1023, 1024}


def test_an_answer_without_end_is_an_error():
    """At 64 MiB, of which 4 MiB are kept."""
    with pytest.raises(TooLargeError, match="a log is larger than 64 MiB"):
        read(*[b"x" * MIB] * 65)


@given(st.binary(max_size=200), st.integers(1, 20))
def test_pieces_change_nothing(body, size):
    """The lines are the same as those of the whole answer."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    assert read(*pieces, is_over=True) == read(body, is_over=True)
    assert b"\n".join(line.text for line in read(body)) == b"\n".join(body.split(b"\n")[:-1])
