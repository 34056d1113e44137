"""Lines of a stream, whatever its pieces."""

import itertools

import pytest
from hypothesis import given, settings, strategies as some

from exporter.kube.errors import BrokenAnswerError
from exporter.kube.lines import split


async def lines_of(*pieces):
    """All lines of these pieces."""

    async def stream():
        for piece in pieces:
            yield piece

    return [line async for batch in split(stream()) for line in batch]


@settings(max_examples=40, deadline=None)
@given(some.lists(some.binary(max_size=9).filter(lambda line: line.strip() and b"\n" not in line)), some.data())
async def test_lines_are_the_same_however_they_are_cut(lines, data):
    """Network pieces have nothing to do with lines."""
    text = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(some.lists(some.integers(0, len(text)))))
    edges = [0, *cuts, len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(edges)]
    assert await lines_of(*pieces) == lines


async def test_a_rest_without_an_end_is_dropped():
    """The API server ends each event with a newline: a rest is half an event."""
    assert await lines_of(b'{"a":1}\n{"b"') == [b'{"a":1}']


async def test_empty_lines_are_no_lines():
    """Neither between events nor at the end."""
    assert await lines_of(b"\n\n{}\n \n") == [b"{}"]


async def test_a_line_without_end_is_given_up():
    """At 16 MiB, which is ten times what etcd takes."""
    with pytest.raises(BrokenAnswerError, match="a line of over 16 MiB") as caught:
        await lines_of(*[b"x" * (1 << 20)] * 17)
    assert caught.value.code == "line"


async def test_many_lines_together_may_be_longer_than_one():
    """The limit is a line's and not the stream's."""
    assert len(await lines_of(*[b"x" * (1 << 20) + b"\n"] * 20)) == 20
