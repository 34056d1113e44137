"""Blocks of raw DEFLATE that can be concatenated into a single gzip member (RFC 1951, RFC 1952).

Every block ends with a full flush, so that it does not depend on previous blocks. A response has one member: several
are legal, but curl, wget and httpx read only the first.
"""

import struct
import zlib
from collections.abc import Iterable

import msgspec
from isal import isal_zlib

__all__ = ["HEADER", "Block", "combine", "deflate", "inflate", "trailer"]

HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # gzip, deflate, no name, no time, unknown system
_END = b"\x03\x00"  # an empty final block
_LEVEL = 1


class Block(msgspec.Struct, frozen=True, gc=False):
    """Compressed text, with the CRC32 and the length in bytes of the plain text.

    Not tracked by the garbage collector, because there are many and they hold no references to containers.
    """

    data: bytes
    crc: int
    length: int


def deflate(text: str) -> Block | None:
    """Compresses a text; None for an empty text."""
    if not text:
        return None
    plain = text.encode("utf-8", "replace")
    press = isal_zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
    data = press.compress(plain) + press.flush(zlib.Z_FULL_FLUSH)
    return Block(data, isal_zlib.crc32(plain), len(plain))


def inflate(block: Block) -> bytes:
    """Decompresses a block."""
    plain: bytes = isal_zlib.decompressobj(-15).decompress(block.data)
    return plain


def combine(blocks: Iterable[Block]) -> tuple[int, int]:
    """CRC32 and length of the concatenated plain texts."""
    crc = length = 0
    for block in blocks:
        crc = isal_zlib.crc32_combine(crc, block.crc, block.length)
        length += block.length
    return crc, length


def trailer(*, crc: int, length: int) -> bytes:
    """The end of the gzip member."""
    return _END + struct.pack("<LL", crc, length & 0xFFFFFFFF)
