"""Limits the number of series of counters, which exist until the process exits, in total and for each namespace."""

import collections
import logging
from collections.abc import Callable, Sequence

from exporter.untrusted import printable

__all__ = ["OTHER", "Bounded"]

OTHER = "other"
_MAX_COMBINATIONS = 1000
_MAX_PER_NAMESPACE = 200  # combinations

_log = logging.getLogger(__name__)

Labels = tuple[str, ...]


class Bounded:
    """At most 1,000 combinations of label values, and at most 200 of them in one namespace, the first label.

    `fallbacks` returns the combinations to use instead, the most specific first; the same limits apply to each level.
    If all levels are full, an object is not counted; it is never counted for another agent. `initialize` is
    called once for each admitted combination: it sets the counters of its series to 0.
    """

    def __init__(self, *, initialize: Callable[..., None], fallbacks: Callable[..., Sequence[Labels]]) -> None:
        self._initialize = initialize
        self._fallbacks = fallbacks
        self._seen: set[Labels] = set()
        self._totals: collections.Counter[int] = collections.Counter()
        self._of_namespace: collections.Counter[tuple[int, str]] = collections.Counter()
        self._warned = False

    def __call__(self, *values: str) -> Labels | None:
        """The label values to use; None: not counted."""
        if values in self._seen:
            return values
        exact = tuple(map(printable, values))
        for level, labels in enumerate((exact, *self._fallbacks(*exact))):
            if labels in self._seen:
                return labels
            if self._admit(level, labels):
                self._seen.add(labels)
                self._initialize(*labels)
                return labels
        if not self._warned:
            self._warned = True
            _log.warning("Too many combinations of namespace, agent and service: some runs and Jobs are not counted")
        return None

    def _admit(self, level: int, labels: Labels) -> bool:
        namespace = level, labels[0]
        if self._totals[level] >= _MAX_COMBINATIONS or self._of_namespace[namespace] >= _MAX_PER_NAMESPACE:
            return False
        self._totals[level] += 1
        self._of_namespace[namespace] += 1
        return True
