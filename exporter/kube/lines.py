"""Lines of a stream, whatever their length: a ConfigMap of 1 MiB is a line of 1.4 MB."""

from exporter.kube.budget import Share
from exporter.kube.errors import BrokenAnswerError

__all__ = ["LONGEST", "Lines"]

LONGEST = 16 << 20
"""Bytes of one object. etcd refuses requests over 1.5 MiB by default; JSON escapes can make six times that of it."""


class Lines:
    """Cuts the pieces of a stream into lines. `share` counts what is held of a line that has not ended."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._rest: list[bytes] = []
        self._size = 0

    @property
    def at_boundary(self) -> bool:
        """Whether the last line has ended. The API server ends each event with a newline: a rest is half of one."""
        return not any(piece.strip() for piece in self._rest)

    def feed(self, piece: bytes) -> list[bytes] | None:
        """The lines that this piece ends, without blank ones; None where it ends none.

        Raises BrokenAnswerError for a line of over 16 MiB.
        """
        first, *lines = piece.split(b"\n")
        self._rest.append(first)
        self._size += len(first)
        if not lines:
            if self._size > LONGEST:
                raise BrokenAnswerError(f"a line of over {LONGEST >> 20} MiB", code="line")
            self._share.hold(self._size)
            return None
        tail = lines.pop()
        ended = [b"".join(self._rest), *lines]
        self._rest, self._size = ([tail], len(tail)) if tail else ([], 0)
        self._share.hold(self._size)
        return [line for line in ended if line.strip()]
