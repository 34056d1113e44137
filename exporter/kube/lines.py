"""Lines of a stream, whatever their length: a ConfigMap of 1 MiB is a line of 1.4 MB."""

from collections.abc import AsyncIterable, AsyncIterator

from exporter.kube.errors import BrokenAnswerError

__all__ = ["split"]

_LONGEST_LINE = 16 << 20  # etcd refuses requests over 1.5 MiB by default; this is ten times that


async def split(pieces: AsyncIterable[bytes]) -> AsyncIterator[list[bytes]]:
    """The complete lines of each piece, without their ends; a rest without an end at the close is dropped.

    The API server ends each event with a newline, so that such a rest is half an event. Raises
    BrokenAnswerError for a line of over 16 MiB.
    """
    rest: list[bytes] = []
    size = 0
    async for piece in pieces:
        first, *lines = piece.split(b"\n")
        rest.append(first)
        size += len(first)
        if not lines:
            if size > _LONGEST_LINE:
                raise BrokenAnswerError(f"a line of over {_LONGEST_LINE >> 20} MiB", code="line")
            continue
        tail = lines.pop()
        whole = [b"".join(rest), *lines]
        rest, size = ([tail], len(tail)) if tail else ([], 0)
        yield [line for line in whole if line.strip()]
