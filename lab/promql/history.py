"""The samples of past scrapes, for `offset` and range selectors.

Source: "Staleness" and "Range vector selectors" in Prometheus' querying documentation.
"""

import bisect
import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from lab.promql.vector import Key, Sample, Scrape, Vector, key

__all__ = ["LOOKBACK_SECONDS", "History", "Series"]

LOOKBACK_SECONDS = 300.0


@dataclasses.dataclass(slots=True)
class Series:
    """One series: its labels, and its samples in order of time. Times are seconds since the epoch."""

    labels: Mapping[str, str]
    times: list[float] = dataclasses.field(default_factory=list)
    values: list[float] = dataclasses.field(default_factory=list)


class History:
    """The scrapes so far. `keep` is the retention in seconds."""

    def __init__(self, *, keep: float = 90_000.0) -> None:
        self._keep = keep
        self._scrapes: list[float] = []
        self._families: dict[str, dict[Key, Series]] = {}

    def add(self, scrape: Scrape, *, at: float) -> None:
        """Adds a scrape at a time (seconds since the epoch) after all earlier ones."""
        self._scrapes.append(at)
        for sample in scrape:
            self._append(sample, at)
        if self._scrapes[0] < at - 2 * self._keep:
            self._forget(before=at - self._keep)

    def extend(self, scrape: Scrape, names: Iterable[str]) -> None:
        """Adds families that recording rules have added to the newest scrape."""
        for name in names:
            for sample in scrape.family(name):
                self._append(sample, self._scrapes[-1])

    def instant(self, name: str, *, at: float) -> Vector:
        """The family as an instant selector returns it: a series that the last scrape does not have is stale."""
        index = bisect.bisect_right(self._scrapes, at) - 1
        if index < 0 or at - self._scrapes[index] >= LOOKBACK_SECONDS:
            return []
        time = self._scrapes[index]
        found = []
        for series in self._families.get(name, {}).values():
            index = bisect.bisect_left(series.times, time)
            if index < len(series.times) and series.times[index] == time:
                found.append(Sample(series.labels, series.values[index]))
        return found

    def window(self, name: str, *, after: float, until: float) -> Iterator[Series]:
        """The series of a family with their samples in (after, until]; those without samples are omitted."""
        for series in self._families.get(name, {}).values():
            first, last = bisect.bisect_right(series.times, after), bisect.bisect_right(series.times, until)
            if first < last:
                yield Series(series.labels, series.times[first:last], series.values[first:last])

    def _append(self, sample: Sample, at: float) -> None:
        family = self._families.setdefault(sample.name, {})
        series = family.setdefault(key(sample.labels), Series(sample.labels))
        series.times.append(at)
        series.values.append(sample.value)

    def _forget(self, *, before: float) -> None:
        del self._scrapes[: bisect.bisect_left(self._scrapes, before)]
        for family in self._families.values():
            for identity, series in list(family.items()):
                gone = bisect.bisect_left(series.times, before)
                del series.times[:gone], series.values[:gone]
                if not series.times:
                    del family[identity]
