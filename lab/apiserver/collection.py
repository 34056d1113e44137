"""The objects of one resource as bytes, and the log of their changes.

Watches read the log, each at its own pace. The log is bounded in bytes: a reader that is too slow falls behind its
end and loses its watch, as with a real server.
"""

import bisect
import collections
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from lab.apiserver import status
from lab.apiserver.kinds import Resource

if TYPE_CHECKING:
    import asyncio

__all__ = ["Change", "Collection", "Stored"]

LOG_BYTES = 256 * 1024 * 1024
SNAPSHOTS = 4  # sorted states that are kept, for clients that page


class Stored(msgspec.Struct, frozen=True, gc=False):
    """One object at one version.

    `key` is `namespace/name`, or the name alone. `tail` is the JSON after `{"kind":..,"apiVersion":..,`, so that one
    copy serves lists, watches and every version of the API; it begins with the resourceVersion. Only the fields that
    selectors and owners need are kept decoded, because 100,000 objects as dicts take more than a gigabyte.
    """

    key: str
    revision: int
    labels: dict[str, str]
    fields: dict[str, str]
    owners: tuple[str, ...]
    tail: bytes

    @property
    def namespace(self) -> str:
        """The namespace; empty for a cluster-scoped object."""
        return self.key.rpartition("/")[0]

    @property
    def name(self) -> str:
        """metadata.name."""
        return self.key.rpartition("/")[2]

    def tail_at(self, revision: int) -> bytes:
        """The same content with another resourceVersion, as in a DELETED event."""
        return version_opening(revision) + self.tail[len(version_opening(self.revision)) :]


class Change(msgspec.Struct, frozen=True, gc=False):
    """A write. `old` is None for a creation, `new` is None for a removal."""

    revision: int
    old: Stored | None
    new: Stored | None


def version_opening(revision: int) -> bytes:
    """The bytes with which every `Stored.tail` begins."""
    return b'"metadata":{"resourceVersion":"%d"' % revision


class Collection:
    """The objects of `resource`, by key. `oldest` is the oldest version from which a watch may start.

    `ended` is True after its CustomResourceDefinition was deleted. `readers` are woken after each change.
    """

    def __init__(self, resource: Resource, *, oldest: int, log_bytes: int = LOG_BYTES) -> None:
        self.resource = resource
        self.objects: dict[str, Stored] = {}
        self.oldest = oldest
        self.ended = False
        self.readers: set[asyncio.Event] = set()
        self._log: list[Change] = []
        self._forgotten = 0  # changes that are no longer in the log
        self._room = log_bytes
        self._log_bytes = log_bytes
        self._snapshots: collections.OrderedDict[int, list[Stored]] = collections.OrderedDict()

    @property
    def end(self) -> int:
        """The position after the newest change."""
        return self._forgotten + len(self._log)

    def record(self, change: Change) -> None:
        """Applies a change, adds it to the log, and wakes the readers."""
        if change.new is not None:
            self.objects[change.new.key] = change.new
        elif change.old is not None:
            del self.objects[change.old.key]
        self._log.append(change)
        self._room -= _weight(change)
        if self._room < 0:
            self._forget()
        self.wake()

    def wake(self) -> None:
        """Wakes the readers."""
        for reader in self.readers:
            reader.set()

    def position(self, revision: int) -> int:
        """The position of the changes after `revision`. Raises StatusError (410) if some of them were dropped."""
        if revision < self.oldest:
            raise status.too_old_version(revision, self.oldest)
        return self._forgotten + self._index(revision)

    def read(self, position: int, count: int) -> list[Change] | None:
        """Up to `count` changes from a position on; None if the reader was too slow and they were dropped."""
        if position < self._forgotten:
            return None
        start = position - self._forgotten
        return self._log[start : start + count]

    def at(self, revision: int) -> Sequence[Stored]:
        """All objects at a version, sorted by key. Raises StatusError (410) if that version was dropped."""
        if revision < self.oldest:
            raise status.too_old_version(revision, self.oldest)
        index = self._index(revision)
        position = self._forgotten + index
        if position not in self._snapshots:
            state = dict(self.objects)
            for change in reversed(self._log[index:]):
                if change.old is not None:
                    state[change.old.key] = change.old
                elif change.new is not None:
                    del state[change.new.key]
            self._snapshots[position] = sorted(state.values(), key=operator.attrgetter("key"))
            if len(self._snapshots) > SNAPSHOTS:
                self._snapshots.popitem(last=False)
        return self._snapshots[position]

    def _index(self, revision: int) -> int:
        return bisect.bisect_right(self._log, revision, key=operator.attrgetter("revision"))

    def _forget(self) -> None:
        """Drops the older half of the log. This is rare, so it costs little."""
        count = (len(self._log) + 1) // 2
        dropped = self._log[:count]
        del self._log[:count]
        self._forgotten += count
        self._room += sum(_weight(change) for change in dropped)
        self.oldest = max(self.oldest, dropped[-1].revision)


def _weight(change: Change) -> int:
    stored = change.new or change.old
    return len(stored.tail) if stored else 0
