"""The rendered lines of one resource, stored as compressed blocks: one for each chunk of objects and each family.

Plain text is not stored: for 100,000 objects, it would take 218 MiB, and the blocks take 23 MiB. A scrape joins
blocks. If few objects of a block have changed, only their lines are rendered again; the others are copied.
"""

import time
from collections.abc import Callable, Iterable, Sequence

from exporter.exposition.deflate import Block, combine, deflate, inflate

__all__ = ["CompressedFamilies"]

_CHUNK = 128
_FEW = 8  # changed objects of a chunk; with more, rendering the whole chunk is cheaper


class CompressedFamilies:
    """Blocks by family and chunk.

    `lines(families, keys)` returns the text of each of these families, by index, for the objects with these keys.
    `prefixes(family, keys)` returns the prefixes of the lines of these objects. No other line has one of them.
    """

    def __init__(
        self,
        *,
        heads: Sequence[str],
        lines: Callable[[Sequence[int], Sequence[str]], Sequence[str]],
        prefixes: Callable[[int, Sequence[str]], Sequence[str]],
    ) -> None:
        self._lines = lines
        self._prefixes = prefixes
        self._all = range(len(heads))
        self._heads = [deflate(head) for head in heads]
        self._blocks: list[list[Block | None]] = [[] for _ in heads]
        self._sums: list[tuple[int, int] | None] = [None] * len(heads)
        self._chunks: list[list[str]] = []
        self._chunk_of: dict[str, int] = {}
        self._roomy: list[int] = []
        self._dirty: dict[int, dict[int, set[str] | None]] = {}
        """By chunk and family, the keys of the objects to render again; None: the whole chunk."""
        self.complete = True
        """Whether every block has been rendered since the last bulk load."""

    def __len__(self) -> int:
        return len(self._chunk_of)

    def add(self, key: str) -> None:
        """Adds an object. Marks all its families as dirty."""
        if not self._roomy:
            self.extend([key])
            return
        chunk = self._roomy[-1]
        members = self._chunks[chunk]
        members.append(key)
        self._chunk_of[key] = chunk
        if len(members) >= _CHUNK:
            self._roomy.pop()
        self.mark_dirty(key)

    def extend(self, keys: Sequence[str]) -> None:
        """Adds many objects, in new chunks. Takes a tenth of the time of `add` for each."""
        self.complete = False
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
        """Removes an object and its lines. Unknown keys are ignored."""
        chunk = self._chunk_of.pop(key, None)
        if chunk is None:
            return
        self._dirty[chunk] = dict.fromkeys(self._all)  # the prefixes of its lines are no longer known
        members = self._chunks[chunk]
        if len(members) >= _CHUNK:
            self._roomy.append(chunk)
        members.remove(key)

    def mark_dirty(self, key: str, families: Iterable[int] | None = None) -> None:
        """Marks these families of an object as dirty; by default all. Unknown keys are ignored."""
        chunk = self._chunk_of.get(key)
        if chunk is None:
            return
        dirty = self._dirty.setdefault(chunk, {})
        for family in self._all if families is None else families:
            if (keys := dirty.setdefault(family, set())) is not None:
                keys.add(key)

    def mark_all_dirty(self) -> None:
        """Marks every block as dirty."""
        self.complete = False
        self._dirty = {chunk: dict.fromkeys(self._all) for chunk in range(len(self._chunks))}

    def render(self, *, until: float) -> bool:
        """Renders dirty chunks until the monotonic time `until`, at least one. Returns whether all are clean."""
        while self._dirty:
            chunk = next(iter(self._dirty))
            members = self._chunks[chunk]
            few = {
                family: [key for key in members if key in keys]  # in the order of the chunk
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
        self.complete = self.complete or not self._dirty
        return not self._dirty

    def _patched(self, family: int, chunk: int, keys: Sequence[str]) -> str:
        """The text of a block, with the lines of these objects rendered again and moved to its end."""
        block = self._blocks[family][chunk]
        lines = inflate(block).decode().split("\n") if block else []
        prefixes = tuple(self._prefixes(family, keys))
        unchanged = [line for line in lines if not line.startswith(prefixes)]  # the last one is empty
        return "\n".join(unchanged) + self._lines([family], keys)[0]

    def family(self, index: int) -> tuple[list[Block], int, int]:
        """The blocks of a family, with HELP and TYPE first, their combined CRC32, and their length in bytes."""
        head = self._heads[index]
        blocks = [block for block in (head, *self._blocks[index]) if block is not None]
        if (known := self._sums[index]) is None:
            known = self._sums[index] = combine(blocks)
        return blocks, *known
