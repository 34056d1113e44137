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
        head, newline, tail = piece.rpartition(b"\n")
        if not newline:
            rest.append(piece)
            size += len(piece)
            if size > _LONGEST_LINE:
                raise BrokenAnswerError(f"a line of over {_LONGEST_LINE >> 20} MiB", code="line")
            continue
        lines = b"".join([*rest, head]).split(b"\n")
        rest, size = ([tail], len(tail)) if tail else ([], 0)
        yield [line for line in lines if line.strip()]
