"""The records of one resource by UID, in parts: a part for each list and watch that fills it."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

__all__ = ["Table"]

R = TypeVar("R")


class Table(Generic[R]):
    """A part that was never read is not there; one that was read and is empty is."""

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
        """The records of these UIDs, without those that are not there, and those of a part that is not whole yet."""
        parts = [part for name, part in self._parts.items() if name not in self._loading]
        if len(parts) == 1:  # nearly always, and then many look-ups are one list
            return [record for uid in uids if (record := parts[0].get(uid)) is not None]
        found = (next((part[uid] for part in parts if uid in part), None) for uid in uids)
        return [record for record in found if record is not None]

    def part(self, name: str) -> dict[str, R]:
        """The records of one part; empty where it was never read."""
        return self._parts.get(name, {})

    def known(self, name: str) -> bool:
        """Whether this part has been read whole once."""
        return name in self._parts and name not in self._loading

    def begin(self, name: str) -> None:
        """The part is put in place record by record, and is not known until `complete`."""
        self._parts.setdefault(name, {})
        self._loading.add(name)

    def complete(self, name: str) -> None:
        """The last record of the part is in place."""
        self._loading.discard(name)

    def swap(self, name: str, records: dict[str, R]) -> dict[str, R]:
        """Puts a whole new part in place, and gives back the old one."""
        old = self._parts.get(name, {})
        self._parts[name] = records
        return old

    def put(self, name: str, uid: str, record: R | None) -> R | None:
        """Puts one record in place (None takes it away), and gives back the one before."""
        part = self._parts.setdefault(name, {})
        old = part.pop(uid, None) if record is None else part.get(uid)
        if record is not None:
            part[uid] = record
        return old
