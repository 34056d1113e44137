"""Lines of a stream, whatever its pieces."""

import pytest

from exporter.kube.budget import Budget
from exporter.kube.errors import InvalidResponseError, TooLargeError
from exporter.kube.lines import Lines


def lines_of(*pieces):
    """All lines of these pieces."""
    with Budget().share("/p") as share:
        lines = Lines(share)
        return [line for piece in pieces for line in lines.feed(piece) or ()]


def test_a_rest_without_an_end_is_dropped():
    """The API server ends each event with a newline: a rest is half an event."""
    assert lines_of(b'{"a":1}\n{"b"') == [b'{"a":1}']


def test_empty_lines_are_no_lines():
    """Neither between events nor at the end."""
    assert lines_of(b"\n\n{}\n \n") == [b"{}"]


def test_a_line_without_end_is_given_up():
    """At 16 MiB, which is ten times what etcd takes."""
    with pytest.raises(InvalidResponseError, match="a line is larger than 16 MiB") as caught:
        lines_of(*[b"x" * (1 << 20)] * 17)
    assert caught.value.code == "line"


def test_many_lines_together_may_be_longer_than_one():
    """The limit is a line's and not the stream's."""
    assert len(lines_of(*[b"x" * (1 << 20) + b"\n"] * 20)) == 20


@pytest.mark.parametrize(
    ("pieces", "boundary"), [([b"{}\n"], True), ([b"{}\n", b"{"], False), ([b"{}\n", b" "], True)]
)
def test_it_knows_whether_the_last_line_has_ended(pieces, boundary):
    """What ends there has lost nothing."""
    with Budget().share("/p") as share:
        lines = Lines(share)
        for piece in pieces:
            lines.feed(piece)
        assert lines.at_boundary is boundary


def test_lines_that_have_not_ended_share_one_budget():
    """Many long lines at once are bounded together, and what has ended is given back."""
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
