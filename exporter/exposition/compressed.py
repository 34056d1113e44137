"""The lines of one resource, kept as compressed blocks: one for each chunk of objects and family.

The text itself is not kept: for 100,000 objects that is 23 MiB of blocks instead of 218 MiB of lines, and a scrape is
a join. In a block with few changed objects only their lines are rendered again, the others are copied.
"""

import time
from collections.abc import Callable, Iterable, Sequence

from exporter.exposition.deflate import Block, combine, deflate, inflate

__all__ = ["CompressedFamilies"]

_CHUNK = 128
_FEW = 8  # changed objects of a chunk; with more it costs less to render all of it


class CompressedFamilies:
    """Blocks by family and chunk.

    `lines(families, keys)` gives the text of each of these families, by index, for some objects, by their keys.
    `begins(family, keys)` gives what each line of these objects begins with, and no other line.
    """

    def __init__(
        self,
        *,
        heads: Sequence[str],
        lines: Callable[[Sequence[int], Sequence[str]], Sequence[str]],
        begins: Callable[[int, Sequence[str]], Sequence[str]],
    ) -> None:
        self._lines = lines
        self._begins = begins
        self._all = range(len(heads))
        self._heads = [deflate(head) for head in heads]
        self._blocks: list[list[Block | None]] = [[] for _ in heads]
        self._sums: list[tuple[int, int] | None] = [None] * len(heads)
        self._chunks: list[list[str]] = []
        self._chunk_of: dict[str, int] = {}
        self._roomy: list[int] = []
        self._dirty: dict[int, dict[int, set[str] | None]] = {}
        """By chunk and family the objects to render again; None: all of the chunk."""
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
            self._dirty[chunk] = dict.fromkeys(self._all)
            if len(members) < _CHUNK:
                self._roomy.append(chunk)

    def remove(self, key: str) -> None:
        """An object is gone, and its lines with it; one that is not there is gone already."""
        chunk = self._chunk_of.pop(key, None)
        if chunk is None:
            return
        self._dirty[chunk] = dict.fromkeys(self._all)  # what its lines begin with is not known any more
        members = self._chunks[chunk]
        if len(members) >= _CHUNK:
            self._roomy.append(chunk)
        members.remove(key)

    def touch(self, key: str, families: Iterable[int] | None = None) -> None:
        """These families of an object (all by default) are to be rendered again; an unknown object has none."""
        chunk = self._chunk_of.get(key)
        if chunk is None:
            return
        dirty = self._dirty.setdefault(chunk, {})
        for family in self._all if families is None else families:
            if (keys := dirty.setdefault(family, set())) is not None:
                keys.add(key)

    def touch_all(self) -> None:
        """Every block is to be rendered again."""
        self.whole = False
        self._dirty = {chunk: dict.fromkeys(self._all) for chunk in range(len(self._chunks))}

    def render(self, *, until: float) -> bool:
        """Renders dirty chunks until the monotonic time `until`, but at least one; True when none is left."""
        while self._dirty:
            chunk = next(iter(self._dirty))
            members = self._chunks[chunk]
            few = {
                family: [key for key in members if key in keys]  # in the chunk's order, not in that of a set
                for family, keys in self._dirty[chunk].items()
                if keys and len(keys) <= _FEW
            }
            families = [family for family in self._dirty.pop(chunk) if family not in few]
            texts = dict(zip(families, self._lines(families, members), strict=True)) if families else {}
            texts |= {family: self._patched(family, chunk, keys) for family, keys in few.items()}
            for family, text in texts.items():
                self._blocks[family][chunk] = deflate(text)
                self._sums[family] = None
            if time.monotonic() >= until:
                break
        self.whole = self.whole or not self._dirty
        return not self._dirty

    def _patched(self, family: int, chunk: int, keys: Sequence[str]) -> str:
        """The text of a block with new lines for these objects, at its end."""
        block = self._blocks[family][chunk]
        lines = inflate(block).decode().split("\n") if block else []
        begins = tuple(self._begins(family, keys))
        kept = [line for line in lines if not line.startswith(begins)]  # the last is empty, and ends the text
        return "\n".join(kept) + self._lines([family], keys)[0]

    def family(self, index: int) -> tuple[list[Block], int, int]:
        """The blocks of a family with its head in front, their common CRC32, and their length in bytes."""
        head = self._heads[index]
        blocks = [block for block in (head, *self._blocks[index]) if block is not None]
        if (known := self._sums[index]) is None:
            known = self._sums[index] = combine(blocks)
        return blocks, *known
