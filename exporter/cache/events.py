"""The newest Events about cached objects. They outlive the Events of the API server, which expire after an hour.

An Event can arrive before the object that it is about: the newest ones about unknown objects are kept for a while.
"""

import itertools
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence

import msgspec

from exporter.cache.pod_records import Event
from exporter.cache.repeats import repeated_since

__all__ = ["Events"]

_MAX_PER_OBJECT = 8  # Events
_MAX_PER_REASON = 3  # Events of one object with the same reason
_MAX_OBJECTS = 5000
_MAX_BYTES = 8 << 20
_MAX_EARLY = 500  # unknown objects
_RECORD_BYTES = 500  # of an Event, without its texts

Make = Callable[[], Event]


class Events:
    """`is_open(uid, namespace)` returns whether the object is open and in this namespace; None: it is unknown.

    The namespace is checked because a user who can create Events can set any UID in them.

    At most 5,000 objects and 8 MiB of Events are kept. The Events about ended objects are dropped first, then those
    about the objects whose last Event is the oldest. `dropped` counts the objects.
    """

    def __init__(self, *, is_open: Callable[[str, str], bool | None]) -> None:
        self._is_open = is_open
        self._open: OrderedDict[str, tuple[Event, ...]] = OrderedDict()
        self._ended: OrderedDict[str, tuple[Event, ...]] = OrderedDict()
        self._early: OrderedDict[str, list[Make]] = OrderedDict()
        self.size = 0
        """Approximate memory in bytes."""
        self.dropped = 0
        self._of_namespace: Counter[str] = Counter()
        self.scopes: set[str] = set()
        """The namespaces whose Events are being watched; `*`: all."""

    def count(self, scope: str) -> int:
        """The number of Events of a namespace; `*`: of all namespaces."""
        return self._of_namespace.total() if scope == "*" else self._of_namespace[scope]

    def about(self, uid: str) -> Sequence[Event]:
        """The Events about the object with this UID, the newest first. They are kept after its end."""
        return self._open.get(uid) or self._ended.get(uid) or ()

    def known(self, namespace: str) -> bool:
        """Whether the Events of this namespace are being watched."""
        return not self.scopes.isdisjoint(("*", namespace))

    def admit(self, uid: str, namespace: str, make: Make) -> Event | None:
        """Returns the Event if it is about an open object. If the object is unknown, keeps it for `claim`."""
        state = self._is_open(uid, namespace) if uid else False
        if state:
            return make()
        if state is None:
            self._early.setdefault(uid, []).append(make)
            del self._early[uid][:-_MAX_PER_REASON]
            self._early.move_to_end(uid)
            if len(self._early) > _MAX_EARLY:
                self._early.popitem(last=False)
        return None

    def add(self, event: Event) -> None:
        """Adds or updates an Event. Events that it repeats may be dropped, but not the time of the first one."""
        old = self._take(event.about)
        if old:
            old, event = _with_since(old, event)
        found = sorted((event, *(one for one in old if one.uid != event.uid)), key=_recency, reverse=True)
        reasons = [(one.reason, one.container) for one in found]
        kept = [one for at, one in enumerate(found) if reasons[:at].count(reasons[at]) < _MAX_PER_REASON]
        self._put(self._open, event.about, tuple(kept[:_MAX_PER_OBJECT]))
        while len(self._open) + len(self._ended) > _MAX_OBJECTS or self.size > _MAX_BYTES:
            self._take(next(iter(self._ended or self._open)))
            self.dropped += 1

    def claim(self, uid: str) -> None:
        """Adds the Events that arrived before the object with this UID was cached. For a Pod, its Job must be too."""
        waiting = [make() for make in self._early.get(uid, ())]
        states = [self._is_open(uid, event.namespace) for event in waiting]
        if None not in states:
            self._early.pop(uid, None)
            for event in itertools.compress(waiting, states):
                self.add(event)

    def end(self, uid: str) -> None:
        """Records that the object has ended. Its Events are dropped before those of open objects."""
        if uid in self._open:
            self._put(self._ended, uid, self._take(uid))

    def forget(self, uid: str) -> None:
        """Drops the Events about an object that no longer exists."""
        self._take(uid)

    def _put(self, where: OrderedDict[str, tuple[Event, ...]], uid: str, events: tuple[Event, ...]) -> None:
        where[uid] = events
        self.size += sum(map(_size, events))
        self._of_namespace.update(one.namespace for one in events)

    def _take(self, uid: str) -> tuple[Event, ...]:
        events = self._open.pop(uid, None) or self._ended.pop(uid, None) or ()
        self.size -= sum(map(_size, events))
        self._of_namespace.subtract(one.namespace for one in events)
        return events


def _with_since(old: tuple[Event, ...], event: Event) -> tuple[tuple[Event, ...], Event]:
    """Sets `since` of an Event, and of newer ones of the same reason: Events are not listed in their order."""
    newer = tuple(
        msgspec.structs.replace(one, since=repeated_since(one, (event,))) if one.reason == event.reason else one
        for one in old
    )
    return newer, msgspec.structs.replace(event, since=repeated_since(event, old))


def _recency(event: Event) -> float:
    return event.last or 0.0


def _size(event: Event) -> int:
    return _RECORD_BYTES + len(event.note) + len(event.about) + len(event.about_name)
