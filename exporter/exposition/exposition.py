"""One answer to one scrape: families as they stand, joined without compressing or rendering anything again."""

from collections.abc import Iterator, Sequence

from isal import isal_zlib

from exporter.exposition.deflate import HEADER, Block, deflate, inflate, trailer

__all__ = ["OPENMETRICS", "TEXT", "Exposition"]

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_PIECE = 64 * 1024


class Exposition:
    """A whole page, as of one moment: blocks are immutable, so what changes later does not show in it."""

    def __init__(self, families: Sequence[tuple[list[Block], int, int]], *, tail: str) -> None:
        """`families` as `Section.family` gives them; `tail` is text that follows them (the exporter's own)."""
        last = deflate(tail)
        ends = [([last], last.crc, last.length)] if last else []
        self._blocks: list[Block] = []
        self._crc = self.length = self._packed = 0
        for blocks, crc, length in (*families, *ends):
            self._blocks += blocks
            self._crc = isal_zlib.crc32_combine(self._crc, crc, length)
            self.length += length
            self._packed += sum(len(block.data) for block in blocks)

    @property
    def gzip_length(self) -> int:
        """Bytes of the gzip answer; `length` are those of the plain one."""
        return len(HEADER) + self._packed + len(trailer(crc=0, length=0))

    def gzip(self) -> Iterator[bytes]:
        """The page as one gzip member, in pieces of some 64 KiB."""
        return _pieces([HEADER, *(block.data for block in self._blocks), trailer(crc=self._crc, length=self.length)])

    def plain(self) -> Iterator[bytes]:
        """The page as text, in pieces of some 64 KiB."""
        return _pieces(map(inflate, self._blocks))


def _pieces(parts: "Iterator[bytes] | Sequence[bytes]") -> Iterator[bytes]:
    """Few large writes: a write for each block would cost more than the blocks do."""
    kept: list[bytes] = []
    size = 0
    for part in parts:
        kept.append(part)
        size += len(part)
        if size >= _PIECE:
            yield b"".join(kept)
            kept, size = [], 0
    if kept:
        yield b"".join(kept)
