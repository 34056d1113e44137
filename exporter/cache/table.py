"""The records of one resource by UID, in partitions: one for each list and watch."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

__all__ = ["Table"]

R = TypeVar("R")


class Table(Generic[R]):
    """A partition exists once it has been listed, even if the list was empty."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[str, R]] = {}
        self._loading: set[str] = set()

    def __iter__(self) -> Iterator[R]:
        for part in self._parts.values():
            yield from part.values()

    def __len__(self) -> int:
        return sum(map(len, self._parts.values()))

    def get(self, uid: str) -> R | None:
        """The record of this UID."""
        for part in self._parts.values():
            if (record := part.get(uid)) is not None:
                return record
        return None

    def pick(self, uids: Iterable[str]) -> list[R]:
        """The records of these UIDs; unknown UIDs are skipped."""
        if len(self._parts) == 1:  # the common case, without a call for each UID
            (part,) = self._parts.values()
            return [record for uid in uids if (record := part.get(uid)) is not None]
        return [record for uid in uids if (record := self.get(uid)) is not None]

    def part(self, name: str) -> dict[str, R]:
        """The records of one partition; empty if it was never listed."""
        return self._parts.get(name, {})

    def known(self, name: str) -> bool:
        """Whether the initial list of this partition has completed."""
        return name in self._parts and name not in self._loading

    def begin(self, name: str) -> None:
        """Begins to load the initial list. The partition is not known until `complete`."""
        self._parts.setdefault(name, {})
        self._loading.add(name)

    def complete(self, name: str) -> None:
        """Ends the load of the initial list."""
        self._loading.discard(name)

    def swap(self, name: str, records: dict[str, R]) -> dict[str, R]:
        """Replaces a partition. Returns the previous records."""
        old = self._parts.get(name, {})
        self._parts[name] = records
        return old

    def put(self, name: str, uid: str, record: R | None) -> R | None:
        """Stores one record, or removes it if None. Returns the previous record."""
        part = self._parts.setdefault(name, {})
        old = part.pop(uid, None) if record is None else part.get(uid)
        if record is not None:
            part[uid] = record
        return old
