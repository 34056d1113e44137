"""Splits a stream into lines, for any chunks."""

import pytest

from exporter.kube.budget import Budget
from exporter.kube.errors import InvalidResponseError, TooLargeError
from exporter.kube.lines import Lines


def lines_of(*chunks):
    """All lines of these chunks."""
    with Budget().share("/p") as share:
        lines = Lines(share)
        return [line for chunk in chunks for line in lines.feed(chunk) or ()]


def test_a_line_without_a_newline_at_the_end_is_dropped():
    """The API server ends each event with a newline, so the event is incomplete."""
    assert lines_of(b'{"a":1}\n{"b"') == [b'{"a":1}']


def test_empty_lines_are_ignored():
    """They can be between events and at the end."""
    assert lines_of(b"\n\n{}\n \n") == [b"{}"]


def test_a_line_without_an_end_is_rejected():
    """The maximum is 16 MiB, ten times what etcd accepts."""
    with pytest.raises(InvalidResponseError, match="a line is larger than 16 MiB") as caught:
        lines_of(*[b"x" * (1 << 20)] * 17)
    assert caught.value.code == "line"


def test_the_total_size_of_lines_is_not_limited():
    """The limit is for a single line."""
    assert len(lines_of(*[b"x" * (1 << 20) + b"\n"] * 20)) == 20


@pytest.mark.parametrize(
    ("chunks", "boundary"), [([b"{}\n"], True), ([b"{}\n", b"{"], False), ([b"{}\n", b" "], True)]
)
def test_at_boundary_is_true_after_a_complete_line(chunks, boundary):
    """A stream that ends there has lost nothing."""
    with Budget().share("/p") as share:
        lines = Lines(share)
        for chunk in chunks:
            lines.feed(chunk)
        assert lines.at_boundary is boundary


def test_incomplete_lines_share_one_budget():
    """The total of all incomplete lines is bounded. Complete lines are returned to the budget."""
    budget = Budget(max_bytes=1500)
    with budget.share("/one") as one, budget.share("/two") as two:
        lines = Lines(one)
        lines.feed(b"x" * 1000)
        with pytest.raises(TooLargeError, match="the response at /two is too large"):
            Lines(two).feed(b"x" * 1000)
        lines.feed(b"\n")
        assert budget.used == 0
        Lines(two).feed(b"x" * 1000)
    assert budget.used == 0
