"""Label values of counters, which last as long as the process: bounded, and no tenant uses up the room of others."""

import collections
import logging
from collections.abc import Callable, Sequence

from exporter.untrusted import printable

__all__ = ["OTHER", "Bounded"]

OTHER = "other"
_COMBINATIONS = 1000
_OF_ONE_NAMESPACE = 200

_log = logging.getLogger(__name__)

Labels = tuple[str, ...]


class Bounded:
    """At most 1,000 combinations of label values, and at most 200 with the same first one, which is the namespace.

    `fallbacks` gives what to count under instead, the most exact first. Each of these levels has the same bounds.
    What finds no room on any level is not counted, rather than counted for another agent. `begin` is called once for
    each combination that is admitted.
    """

    def __init__(self, *, begin: Callable[..., None], fallbacks: Callable[..., Sequence[Labels]]) -> None:
        self._begin = begin
        self._fallbacks = fallbacks
        self._seen: set[Labels] = set()
        self._totals: collections.Counter[int] = collections.Counter()
        self._of_namespace: collections.Counter[tuple[int, str]] = collections.Counter()
        self._warned = False

    def __call__(self, *values: str) -> Labels | None:
        """The labels to count under; None: not at all."""
        if values in self._seen:
            return values
        exact = tuple(map(printable, values))
        for level, labels in enumerate((exact, *self._fallbacks(*exact))):
            if labels in self._seen:
                return labels
            if self._admit(level, labels):
                self._seen.add(labels)
                self._begin(*labels)
                return labels
        if not self._warned:
            self._warned = True
            _log.warning("Too many combinations of namespace, agent and service: some runs and Jobs are not counted")
        return None

    def _admit(self, level: int, labels: Labels) -> bool:
        own = level, labels[0]
        if self._totals[level] >= _COMBINATIONS or self._of_namespace[own] >= _OF_ONE_NAMESPACE:
            return False
        self._totals[level] += 1
        self._of_namespace[own] += 1
        return True
