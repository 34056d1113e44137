"""The response to a scrape: joins the stored blocks of all families without rendering or compressing them again."""

from collections.abc import Iterator, Sequence

from isal import isal_zlib

from exporter.exposition.deflate import HEADER, Block, deflate, inflate, trailer

__all__ = ["OPENMETRICS", "TEXT", "Exposition"]

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_CHUNK_BYTES = 64 * 1024  # of one write to the socket


class Exposition:
    """A snapshot of all metrics. Blocks are immutable, so later changes do not affect it."""

    def __init__(self, families: Sequence[tuple[list[Block], int, int]], *, tail: str) -> None:
        """`families` as returned by `CompressedFamilies.family`; `tail`: text of the exporter's own metrics."""
        last = deflate(tail)
        ends = [([last], last.crc, last.length)] if last else []
        self._blocks: list[Block] = []
        self._crc = self.length = self._gzip_length = 0
        for blocks, crc, length in (*families, *ends):
            self._blocks += blocks
            self._crc = isal_zlib.crc32_combine(self._crc, crc, length)
            self.length += length
            self._gzip_length += sum(len(block.data) for block in blocks)

    @property
    def gzip_length(self) -> int:
        """The length of the response with gzip, in bytes; `length` is the length without gzip."""
        return len(HEADER) + self._gzip_length + len(trailer(crc=0, length=0))

    def gzip(self) -> Iterator[bytes]:
        """One gzip member, in chunks of about 64 KiB."""
        return _chunks([HEADER, *(block.data for block in self._blocks), trailer(crc=self._crc, length=self.length)])

    def plain(self) -> Iterator[bytes]:
        """Plain text, in chunks of about 64 KiB."""
        return _chunks(map(inflate, self._blocks))


def _chunks(blocks: "Iterator[bytes] | Sequence[bytes]") -> Iterator[bytes]:
    """Joins blocks to few large writes: one write for each block is expensive."""
    chunk: list[bytes] = []
    size = 0
    for block in blocks:
        chunk.append(block)
        size += len(block)
        if size >= _CHUNK_BYTES:
            yield b"".join(chunk)
            chunk, size = [], 0
    if chunk:
        yield b"".join(chunk)
