"""A page is one gzip member, made of blocks that were compressed long before."""

import gzip
import zlib

import pytest
from hypothesis import given, settings, strategies as st

from exporter.exposition.deflate import Block, combine, deflate, inflate
from exporter.exposition.exposition import Exposition


def page_of(*families, tail=""):
    """A page of these families, each a list of texts."""
    packed = [[block for text in texts if (block := deflate(text))] for texts in families]
    return Exposition([(blocks, *combine(blocks)) for blocks in packed], tail=tail)


def checked(page):
    """The text of a page, read in every way that a client might."""
    answer, plain = b"".join(page.gzip()), b"".join(page.plain())
    reader = zlib.decompressobj(31)
    assert reader.decompress(answer) == plain
    assert reader.eof
    assert reader.unused_data == reader.unconsumed_tail == b""
    assert gzip.decompress(answer) == plain  # checks CRC32 and length as well
    assert int.from_bytes(answer[-8:-4], "little") == zlib.crc32(plain)
    assert int.from_bytes(answer[-4:], "little") == len(plain) % 2**32
    assert (page.gzip_length, page.length) == (len(answer), len(plain))
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
def test_a_page_is_its_families_and_its_tail(families, tail):
    """As plain text, and as one gzip member with nothing after it; both lengths are known before."""
    assert checked(page_of(*families, tail=tail)) == "".join(map("".join, families)) + tail


@settings(max_examples=100, deadline=None, database=None)
@given(
    families=st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4), max_size=4),
    tail=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_any_blocks_make_one_member(families, tail):
    """Empty ones and long ones, in any order."""
    assert checked(page_of(*families, tail=tail)) == "".join(map("".join, families)) + tail


def test_a_large_page_comes_in_few_pieces():
    """Of some 64 KiB each: a write for each block would cost more than the blocks do."""
    texts = [f"{number:025000d}\n" for number in range(40)]
    page = page_of(texts)
    assert checked(page) == "".join(texts)
    assert 10 <= len(list(page.plain())) <= 20
    assert all(piece for piece in page.plain())


def test_a_page_does_not_change_when_its_family_does():
    """It is the page as of a moment, however long the client takes to read it."""
    blocks = [deflate("a 1\n")]
    page = Exposition([(blocks, *combine(blocks))], tail="")
    blocks[0] = deflate("a 2\n")
    assert checked(page) == "a 1\n"


def test_a_page_can_be_read_more_than_once():
    """Each reading begins at its beginning."""
    page = page_of(["a 1\n"])
    assert b"".join(page.gzip()) == b"".join(page.gzip())
    assert b"".join(page.plain()) == b"".join(page.plain()) == b"a 1\n"


def test_no_text_is_no_block():
    """And a block gives back what it was made from."""
    assert deflate("") is None
    block = deflate("é")
    assert inflate(block) == "é".encode()
    assert (block.crc, block.length) == (zlib.crc32("é".encode()), 2)


def test_what_cannot_be_encoded_does_not_end_a_page():
    """A lone surrogate that nobody has escaped becomes a question mark."""
    assert inflate(deflate("a\ud800")) == b"a?"


def test_the_sum_of_blocks_is_that_of_their_texts():
    """CRC32 and length, without a look at the texts."""
    texts = ["abc", "d" * 100_000, "é"]
    whole = "".join(texts).encode()
    assert combine(deflate(text) for text in texts) == (zlib.crc32(whole), len(whole))
    assert combine([]) == (0, 0)


def test_a_length_beyond_four_gibibytes_is_written_as_gzip_wants_it():
    """Modulo 2 to the 32nd (RFC 1952, ISIZE)."""
    page = Exposition([([Block(b"", 0, 2**32 + 5)], 0, 2**32 + 5)], tail="")
    assert b"".join(page.gzip())[-4:] == (5).to_bytes(4, "little")
