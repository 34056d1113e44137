"""Splits a stream into lines, of up to 16 MiB: a ConfigMap of 1 MiB is a line of 1.4 MB."""

from exporter.kube.budget import Share
from exporter.kube.errors import InvalidResponseError

__all__ = ["LONGEST", "Lines"]

LONGEST = 16 << 20
"""Maximum bytes of an object. etcd rejects requests over 1.5 MiB by default; JSON escapes can take six times that."""


class Lines:
    """Splits the pieces of a stream into lines. `share` counts the bytes of an incomplete line."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._rest: list[bytes] = []
        self._size = 0

    @property
    def at_boundary(self) -> bool:
        """Whether the last line is complete. The API server ends each event with a newline."""
        return not any(piece.strip() for piece in self._rest)

    def feed(self, piece: bytes) -> list[bytes] | None:
        """The lines that this piece completes, without blank ones; None if it completes none.

        Raises InvalidResponseError for a line of over 16 MiB.
        """
        first, *lines = piece.split(b"\n")
        self._rest.append(first)
        self._size += len(first)
        if not lines:
            if self._size > LONGEST:
                raise InvalidResponseError(f"a line is larger than {LONGEST >> 20} MiB", code="line")
            self._share.hold(self._size)
            return None
        tail = lines.pop()
        ended = [b"".join(self._rest), *lines]
        self._rest, self._size = ([tail], len(tail)) if tail else ([], 0)
        self._share.hold(self._size)
        return [line for line in ended if line.strip()]
