"""What the process remembers of the required ConfigMaps: whether the default set is in use, and how large each was.

What is not in use is not missing: the ConfigMaps of the default set are required as soon as one of them exists, and
from then on as long as the process runs. Those that the settings name are required whatever exists.
"""

from collections.abc import Iterable

from exporter.cache.largest import Largest
from exporter.cache.records import ConfigMap

__all__ = ["Required"]


class Required:
    """Sets `required` and `shrunk` of the records; keeps them correct as objects and the clock change."""

    def __init__(self) -> None:
        self.in_use = False
        """Whether a ConfigMap of the default set exists, or existed since the start."""
        self._sizes: dict[str, tuple[Largest, Largest]] = {}

    def note(self, new: ConfigMap, *, records: Iterable[ConfigMap], now: float) -> None:
        """A record is new or changed; `records` are all, this one included."""
        self.in_use = self.in_use or (new.by_default and new.exists)
        for item in records:
            item.required = not item.by_default or self.in_use
        keys, size = self._sizes.setdefault(new.uid, (Largest(new.keys), Largest(new.size)))
        keys.put(new.keys, now=now)
        size.put(new.size, now=now)
        new.shrunk = self._is_shrunk(new, now)

    def advance(self, records: Iterable[ConfigMap], *, now: float) -> list[ConfigMap]:
        """The clock has moved; gives the records that changed by it."""
        changed = [item for item in records if item.shrunk != self._is_shrunk(item, now)]
        for item in changed:
            item.shrunk = not item.shrunk
        return changed

    def _is_shrunk(self, item: ConfigMap, now: float) -> bool:
        """Whether it lost more than half of its keys or bytes. One that is missing or empty has another problem."""
        if item.uid not in self._sizes or not item.exists or not item.size:
            return False
        keys, size = self._sizes[item.uid]
        return 2 * item.keys < keys.at(now) or 2 * item.size < size.at(now)
