"""A scrape response is one gzip member that is concatenated from blocks that were compressed before."""

import gzip
import zlib

import pytest
from hypothesis import given, settings, strategies as st

from exporter.exposition.deflate import Block, combine, deflate, inflate
from exporter.exposition.exposition import Exposition


def an_exposition(*families, tail=""):
    """An exposition of these families, each of which is a list of texts."""
    packed = [[block for text in texts if (block := deflate(text))] for texts in families]
    return Exposition([(blocks, *combine(blocks)) for blocks in packed], tail=tail)


def decompress(exposition):
    """Decompresses an exposition in several ways, and returns its text."""
    answer, plain = b"".join(exposition.gzip()), b"".join(exposition.plain())
    reader = zlib.decompressobj(31)
    assert reader.decompress(answer) == plain
    assert reader.eof
    assert reader.unused_data == reader.unconsumed_tail == b""
    assert gzip.decompress(answer) == plain  # checks CRC32 and length as well
    assert int.from_bytes(answer[-8:-4], "little") == zlib.crc32(plain)
    assert int.from_bytes(answer[-4:], "little") == len(plain) % 2**32
    assert (exposition.gzip_length, exposition.length) == (len(answer), len(plain))
    return plain.decode()


@pytest.mark.parametrize(
    ("families", "tail"),
    [
        ([], ""),
        ([], "own 1\n"),
        ([[]], ""),
        ([["a 1\n"], ["b 1\n", "b 2\n"]], "own 1\n"),
        ([["\U0001f680é"] * 3], "ü"),
    ],
)
def test_an_exposition_is_its_families_and_its_tail(families, tail):
    """Both forms have the same content, and their lengths are known in advance."""
    assert decompress(an_exposition(*families, tail=tail)) == "".join(map("".join, families)) + tail


@settings(max_examples=100, deadline=None, database=None)
@given(
    families=st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4), max_size=4),
    tail=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_any_blocks_are_one_gzip_member(families, tail):
    """Blocks can be empty or long, in any order."""
    assert decompress(an_exposition(*families, tail=tail)) == "".join(map("".join, families)) + tail


def test_a_large_exposition_has_few_chunks():
    """Each has about 64 KiB: a write for each block would be more expensive than the blocks."""
    texts = [f"{number:025000d}\n" for number in range(40)]
    exposition = an_exposition(texts)
    assert decompress(exposition) == "".join(texts)
    assert 10 <= len(list(exposition.plain())) <= 20
    assert all(chunk for chunk in exposition.plain())


def test_an_exposition_does_not_change_when_its_family_does():
    """A client that reads slowly gets the state at the time of the scrape."""
    blocks = [deflate("a 1\n")]
    exposition = Exposition([(blocks, *combine(blocks))], tail="")
    blocks[0] = deflate("a 2\n")
    assert decompress(exposition) == "a 1\n"


def test_an_exposition_can_be_read_several_times():
    """Each iteration starts at the beginning."""
    exposition = an_exposition(["a 1\n"])
    assert b"".join(exposition.gzip()) == b"".join(exposition.gzip())
    assert b"".join(exposition.plain()) == b"".join(exposition.plain()) == b"a 1\n"


def test_an_empty_text_has_no_block():
    """Any other block can be decompressed to its text."""
    assert deflate("") is None
    block = deflate("é")
    assert inflate(block) == "é".encode()
    assert (block.crc, block.length) == (zlib.crc32("é".encode()), 2)


def test_text_that_cannot_be_encoded_does_not_raise():
    """A lone surrogate becomes a question mark."""
    assert inflate(deflate("a\ud800")) == b"a?"


def test_the_checksum_of_blocks_is_that_of_their_texts():
    """CRC32 and length are combined without the texts."""
    texts = ["abc", "d" * 100_000, "é"]
    whole = "".join(texts).encode()
    assert combine(deflate(text) for text in texts) == (zlib.crc32(whole), len(whole))
    assert combine([]) == (0, 0)


def test_a_length_above_four_gibibytes_is_written_modulo_2_32():
    """RFC 1952 defines ISIZE so."""
    exposition = Exposition([([Block(b"", 0, 2**32 + 5)], 0, 2**32 + 5)], tail="")
    assert b"".join(exposition.gzip())[-4:] == (5).to_bytes(4, "little")
