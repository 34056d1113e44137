"""Splits the stream of a watch into lines. Each event is one line, of at most 16 MiB."""

from exporter.kube.budget import Share
from exporter.kube.errors import InvalidResponseError

__all__ = ["MAX_OBJECT_BYTES", "Lines"]

MAX_OBJECT_BYTES = 16 << 20
"""Maximum bytes of an object. etcd rejects requests over 1.5 MiB by default; JSON escapes can take six times that."""


class Lines:
    """Splits the chunks of a response into lines. `share` counts the bytes of the last, incomplete line."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._rest: list[bytes] = []
        self._size = 0

    @property
    def at_boundary(self) -> bool:
        """Whether the last line is complete. The API server ends each event with a newline."""
        return not any(chunk.strip() for chunk in self._rest)

    def feed(self, chunk: bytes) -> list[bytes] | None:
        """The lines that this chunk completes, without blank lines; None if it completes none.

        Raises InvalidResponseError for a line of over 16 MiB.
        """
        first, *lines = chunk.split(b"\n")
        self._rest.append(first)
        self._size += len(first)
        if not lines:
            if self._size > MAX_OBJECT_BYTES:
                raise InvalidResponseError(f"a line is larger than {MAX_OBJECT_BYTES >> 20} MiB", code="line")
            self._share.hold(self._size)
            return None
        tail = lines.pop()
        ended = [b"".join(self._rest), *lines]
        self._rest, self._size = ([tail], len(tail)) if tail else ([], 0)
        self._share.hold(self._size)
        return [line for line in ended if line.strip()]
