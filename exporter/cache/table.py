"""The records of one resource by UID, in partitions: one for each list and watch."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

__all__ = ["Table"]

R = TypeVar("R")


class Table(Generic[R]):
    """A partition exists once it has been listed, even if the list was empty."""

    def __init__(self) -> None:
        self._partitions: dict[str, dict[str, R]] = {}
        self._loading: set[str] = set()

    def __iter__(self) -> Iterator[R]:
        for partition in self._partitions.values():
            yield from partition.values()

    def __len__(self) -> int:
        return sum(map(len, self._partitions.values()))

    def get(self, uid: str) -> R | None:
        """The record of this UID."""
        for partition in self._partitions.values():
            if (record := partition.get(uid)) is not None:
                return record
        return None

    def pick(self, uids: Iterable[str]) -> list[R]:
        """The records of these UIDs; skips unknown UIDs, and partitions whose initial list is not complete."""
        partitions = [partition for name, partition in self._partitions.items() if name not in self._loading]
        if len(partitions) == 1:  # the common case, without a search for each UID
            return [record for uid in uids if (record := partitions[0].get(uid)) is not None]
        found = (next((one[uid] for one in partitions if uid in one), None) for uid in uids)
        return [record for record in found if record is not None]

    def partition(self, name: str) -> dict[str, R]:
        """The records of one partition; empty if it was never listed."""
        return self._partitions.get(name, {})

    def known(self, name: str) -> bool:
        """Whether the initial list of this partition has completed."""
        return name in self._partitions and name not in self._loading

    def begin(self, name: str) -> None:
        """Begins to load the initial list. The partition is not known until `complete`."""
        self._partitions.setdefault(name, {})
        self._loading.add(name)

    def complete(self, name: str) -> None:
        """Ends the load of the initial list."""
        self._loading.discard(name)

    def swap(self, name: str, records: dict[str, R]) -> dict[str, R]:
        """Replaces a partition. Returns the previous records."""
        old = self._partitions.get(name, {})
        self._partitions[name] = records
        return old

    def put(self, name: str, uid: str, record: R | None) -> R | None:
        """Stores one record, or removes it if None. Returns the previous record."""
        partition = self._partitions.setdefault(name, {})
        old = partition.pop(uid, None) if record is None else partition.get(uid)
        if record is not None:
            partition[uid] = record
        return old
