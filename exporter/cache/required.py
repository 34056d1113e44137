"""What is stored about required ConfigMaps between changes: whether the default set is in use, and previous sizes.

The ConfigMaps of the default set are required as soon as one of them exists, until the process exits. ConfigMaps
named in the settings are always required.
"""

from collections.abc import Iterable

from exporter.cache.records import ConfigMap
from exporter.cache.rolling_max import RollingMax

__all__ = ["Required"]


class Required:
    """Sets `required` and `shrunk` of the records when objects change and when the clock advances."""

    def __init__(self) -> None:
        self.in_use = False
        """Whether a ConfigMap of the default set exists or has existed since the start of the process."""
        self._sizes: dict[str, tuple[RollingMax, RollingMax]] = {}

    def update(self, new: ConfigMap, *, records: Iterable[ConfigMap], now: float) -> None:
        """Updates all `records` after one of them, `new`, was added or changed."""
        self.in_use = self.in_use or (new.by_default and new.exists)
        for item in records:
            item.required = not item.by_default or self.in_use
        keys, size = self._sizes.setdefault(new.uid, (RollingMax(new.keys), RollingMax(new.size)))
        keys.put(new.keys, now=now)
        size.put(new.size, now=now)
        new.shrunk = self._is_shrunk(new, now)

    def advance(self, records: Iterable[ConfigMap], *, now: float) -> list[ConfigMap]:
        """Advances the clock. Returns the records that change."""
        changed = [item for item in records if item.shrunk != self._is_shrunk(item, now)]
        for item in changed:
            item.shrunk = not item.shrunk
        return changed

    def _is_shrunk(self, item: ConfigMap, now: float) -> bool:
        """Whether it lost more than half of its keys or bytes. A missing or empty one has another problem."""
        if item.uid not in self._sizes or not item.exists or not item.size:
            return False
        keys, size = self._sizes[item.uid]
        return 2 * item.keys < keys.at(now) or 2 * item.size < size.at(now)
