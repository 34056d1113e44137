"""The lines of one resource, kept as compressed blocks: one for each chunk of objects and family.

The text itself is not kept: a block that an event has made dirty is rendered again from the objects. For
100,000 objects that is 23 MiB of blocks instead of 218 MiB of lines, and a scrape is a join.
"""

import time
from collections.abc import Callable, Iterable, Sequence

from exporter.exposition.deflate import Block, combine, deflate

__all__ = ["Section"]

_CHUNK = 64  # twice as many cost half as much for a change, and twice as much for a scrape


class Section:
    """Blocks by family and chunk.

    `lines(families, keys)` gives the text of each of these families, by index, for some objects, by their keys.
    """

    def __init__(
        self, *, heads: Sequence[str], lines: Callable[[Sequence[int], Sequence[str]], Sequence[str]]
    ) -> None:
        self._lines = lines
        self._all = range(len(heads))
        self._heads = [deflate(head) for head in heads]
        self._blocks: list[list[Block | None]] = [[] for _ in heads]
        self._sums: list[tuple[int, int] | None] = [None] * len(heads)
        self._chunks: list[list[str]] = []
        self._chunk_of: dict[str, int] = {}
        self._roomy: list[int] = []
        self._dirty: dict[int, set[int]] = {}  # families by chunk
        self.whole = True
        """Whether every block was rendered once since many objects came at once."""

    def __len__(self) -> int:
        return len(self._chunk_of)

    def add(self, key: str) -> None:
        """A new object: all its families are to be rendered."""
        if not self._roomy:
            self.extend([key])
            return
        chunk = self._roomy[-1]
        members = self._chunks[chunk]
        members.append(key)
        self._chunk_of[key] = chunk
        if len(members) >= _CHUNK:
            self._roomy.pop()
        self.touch(key)

    def extend(self, keys: Sequence[str]) -> None:
        """Many new objects, in chunks of their own: a tenth of the time of adding them one by one."""
        self.whole = False
        for start in range(0, len(keys), _CHUNK):
            members, chunk = list(keys[start : start + _CHUNK]), len(self._chunks)
            self._chunks.append(members)
            self._chunk_of.update(dict.fromkeys(members, chunk))
            for blocks in self._blocks:
                blocks.append(None)
            self._dirty[chunk] = set(self._all)
            if len(members) < _CHUNK:
                self._roomy.append(chunk)

    def remove(self, key: str) -> None:
        """An object is gone, and its lines with it; one that is not there is gone already."""
        self.touch(key)
        chunk = self._chunk_of.pop(key, None)
        if chunk is None:
            return
        members = self._chunks[chunk]
        if len(members) >= _CHUNK:
            self._roomy.append(chunk)
        members.remove(key)

    def touch(self, key: str, families: Iterable[int] | None = None) -> None:
        """These families of an object (all by default) are to be rendered again; an unknown object has none."""
        chunk = self._chunk_of.get(key)
        if chunk is None:
            return
        self._dirty.setdefault(chunk, set()).update(self._all if families is None else families)

    def touch_all(self) -> None:
        """Every block is to be rendered again."""
        self.whole = False
        self._dirty = {chunk: set(self._all) for chunk in range(len(self._chunks))}

    def render(self, *, until: float) -> bool:
        """Renders dirty chunks until the monotonic time `until`, but at least one; True when none is left."""
        while self._dirty:
            chunk = next(iter(self._dirty))
            families = sorted(self._dirty.pop(chunk))
            for family, text in zip(families, self._lines(families, self._chunks[chunk]), strict=True):
                self._blocks[family][chunk] = deflate(text)
                self._sums[family] = None
            if time.monotonic() >= until:
                break
        self.whole = self.whole or not self._dirty
        return not self._dirty

    def family(self, index: int) -> tuple[list[Block], int, int]:
        """The blocks of a family with its head in front, their common CRC32, and their length in bytes."""
        head = self._heads[index]
        blocks = [block for block in (head, *self._blocks[index]) if block is not None]
        if (known := self._sums[index]) is None:
            known = self._sums[index] = combine(blocks)
        return blocks, *known
