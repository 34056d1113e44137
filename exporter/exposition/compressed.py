"""The rendered lines of one resource, as compressed blocks: one for each family and each group of 128 objects.

Plain text is not stored: for 100,000 objects, it would take 218 MiB, and the blocks take 23 MiB. A scrape joins
blocks. If few objects of a block have changed, only their lines are rendered again; the others are copied.
"""

import time
from collections.abc import Callable, Iterable, Sequence

from exporter.exposition.deflate import Block, combine, deflate, inflate

__all__ = ["CompressedFamilies"]

_GROUP_SIZE = 128  # objects
_MAX_PATCHED = 8  # changed objects of a group. If there are more, rendering the whole group is cheaper


class CompressedFamilies:
    """The blocks by family and group. Each object has a key, its UID.

    `render_text(families, keys)` returns the text of each of these families, by index, for these objects.
    `prefixes(family, keys)` returns the prefixes of the lines of these objects. No other object has one of them.
    """

    def __init__(
        self,
        *,
        heads: Sequence[str],
        render_text: Callable[[Sequence[int], Sequence[str]], Sequence[str]],
        prefixes: Callable[[int, Sequence[str]], Sequence[str]],
    ) -> None:
        self._render_text = render_text
        self._prefixes = prefixes
        self._all = range(len(heads))
        self._heads = [deflate(head) for head in heads]
        self._blocks: list[list[Block | None]] = [[] for _ in heads]
        self._sums: list[tuple[int, int] | None] = [None] * len(heads)
        self._groups: list[list[str]] = []
        self._group_of: dict[str, int] = {}
        self._not_full: list[int] = []  # groups with fewer than 128 objects
        self._dirty: dict[int, dict[int, set[str] | None]] = {}
        """By group and family, the keys of the objects to render again; None: the whole group."""
        self.complete = True
        """Whether every block has been rendered since the last bulk load."""

    def __len__(self) -> int:
        return len(self._group_of)

    def add(self, key: str) -> None:
        """Adds an object. Marks all its families as dirty."""
        if not self._not_full:
            self.extend([key])
            return
        group = self._not_full[-1]
        members = self._groups[group]
        members.append(key)
        self._group_of[key] = group
        if len(members) >= _GROUP_SIZE:
            self._not_full.pop()
        self.mark_dirty(key)

    def extend(self, keys: Sequence[str]) -> None:
        """Adds many objects, in new groups. Takes a tenth of the time of `add` for each."""
        self.complete = False
        for start in range(0, len(keys), _GROUP_SIZE):
            members, group = list(keys[start : start + _GROUP_SIZE]), len(self._groups)
            self._groups.append(members)
            self._group_of.update(dict.fromkeys(members, group))
            for blocks in self._blocks:
                blocks.append(None)
            self._dirty[group] = dict.fromkeys(self._all)
            if len(members) < _GROUP_SIZE:
                self._not_full.append(group)

    def remove(self, key: str) -> None:
        """Removes an object and its lines. Unknown keys are ignored."""
        group = self._group_of.pop(key, None)
        if group is None:
            return
        self._dirty[group] = dict.fromkeys(self._all)  # the prefixes of its lines are no longer known
        members = self._groups[group]
        if len(members) >= _GROUP_SIZE:
            self._not_full.append(group)
        members.remove(key)

    def mark_dirty(self, key: str, families: Iterable[int] | None = None) -> None:
        """Marks these families of an object as dirty; by default all. Unknown keys are ignored."""
        group = self._group_of.get(key)
        if group is None:
            return
        dirty = self._dirty.setdefault(group, {})
        for family in self._all if families is None else families:
            if (keys := dirty.setdefault(family, set())) is not None:
                keys.add(key)

    def mark_all_dirty(self) -> None:
        """Marks every block as dirty."""
        self.complete = False
        self._dirty = {group: dict.fromkeys(self._all) for group in range(len(self._groups))}

    def render(self, *, until: float) -> bool:
        """Renders dirty groups until the monotonic time `until`, at least one. Returns whether all are clean."""
        while self._dirty:
            group = next(iter(self._dirty))
            members = self._groups[group]
            few = {
                family: [key for key in members if key in keys]  # in the order of the group
                for family, keys in self._dirty[group].items()
                if keys and len(keys) <= _MAX_PATCHED
            }
            families = [family for family in self._dirty.pop(group) if family not in few]
            texts = dict(zip(families, self._render_text(families, members), strict=True)) if families else {}
            texts |= {family: self._patch(family, group, keys) for family, keys in few.items()}
            for family, text in texts.items():
                self._blocks[family][group] = deflate(text)
                self._sums[family] = None
            if time.monotonic() >= until:
                break
        self.complete = self.complete or not self._dirty
        return not self._dirty

    def _patch(self, family: int, group: int, keys: Sequence[str]) -> str:
        """The text of a block, with the lines of these objects rendered again and moved to its end."""
        block = self._blocks[family][group]
        lines = inflate(block).decode().split("\n") if block else []
        prefixes = tuple(self._prefixes(family, keys))
        unchanged = [line for line in lines if not line.startswith(prefixes)]  # the last one is empty
        return "\n".join(unchanged) + self._render_text([family], keys)[0]

    def family(self, index: int) -> tuple[list[Block], int, int]:
        """The blocks of a family, with HELP and TYPE first, their combined CRC32, and their length in bytes."""
        head = self._heads[index]
        blocks = [block for block in (head, *self._blocks[index]) if block is not None]
        if (known := self._sums[index]) is None:
            known = self._sums[index] = combine(blocks)
        return blocks, *known
