"""The containers whose logs are due, with a limit of concurrent requests: 8, and 2 for each node.

A kubelet that does not respond keeps its requests until their time-out. The limit for each node leaves the others
their turn; after a time-out it is 1, until the node responds again.
"""

import heapq
import itertools
from collections import Counter, defaultdict, deque

__all__ = ["DueQueue"]

_MAX_REQUESTS = 8
_MAX_REQUESTS_PER_NODE = 2
_MAX_STALE = 64  # outdated entries of the heap; with more, it is built again

Key = str


class DueQueue:
    """Times are in seconds since the epoch. A container that is being read is not in the queue."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Key]] = []
        self._at: dict[Key, tuple[float, int]] = {}
        self._nodes: dict[Key, str] = {}
        self._order = itertools.count()
        self._running: dict[Key, str] = {}
        self._requests_by_node: Counter[str] = Counter()
        self._held: defaultdict[str, deque[Key]] = defaultdict(deque)
        self._free: deque[Key] = deque()
        self._slow: set[str] = set()

    @property
    def running(self) -> int:
        """The number of containers that are being read."""
        return len(self._running)

    def is_running(self, key: Key) -> bool:
        """Whether this container is being read."""
        return key in self._running

    def put(self, key: Key, node: str, at: float) -> None:
        """Adds a container, or changes its time."""
        entry = (at, next(self._order))
        self._at[key], self._nodes[key] = entry, node
        heapq.heappush(self._heap, (*entry, key))
        if len(self._heap) > _MAX_STALE + 2 * len(self._at):
            self._heap = [(*entry, key) for key, entry in self._at.items()]
            heapq.heapify(self._heap)

    def remove(self, key: Key) -> None:
        """Removes a container."""
        self._at.pop(key, None)
        self._nodes.pop(key, None)

    def shift(self, seconds: float) -> None:
        """Changes all times: the clock was set."""
        for key, (at, _) in list(self._at.items()):
            self.put(key, self._nodes[key], at + seconds)

    def take(self, now: float) -> Key | None:
        """The next container to read; None if none is due, or if a limit is reached. `done` must follow."""
        while len(self._running) < _MAX_REQUESTS and (key := self._next(now)) is not None:
            node = self._nodes[key]
            if self._requests_by_node[node] >= (1 if node in self._slow else _MAX_REQUESTS_PER_NODE):
                self._held[node].append(key)
                continue
            self.remove(key)
            self._running[key] = node
            self._requests_by_node[node] += 1
            return key
        return None

    def done(self, key: Key, *, is_slow: bool = False) -> None:
        """The container has been read. `is_slow`: its node has not responded in time."""
        node = self._running.pop(key)
        self._requests_by_node[node] -= 1
        (self._slow.add if is_slow else self._slow.discard)(node)
        if not self._requests_by_node[node]:
            del self._requests_by_node[node]
        self._free.extend(self._held.pop(node, ()))

    def _next(self, now: float) -> Key | None:
        """A container that waited for its node, else the container that is due first."""
        while self._free:
            if (key := self._free.popleft()) in self._at:
                return key
        while self._heap and self._heap[0][0] <= now:
            at, order, key = heapq.heappop(self._heap)
            if self._at.get(key) == (at, order):
                return key
        return None
