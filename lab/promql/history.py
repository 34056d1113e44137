"""The samples of past scrapes: what `offset` and range selectors read.

Source: "Staleness" and "Range vector selectors" in Prometheus' querying documentation.
"""

import bisect
import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from lab.promql.vector import Key, Page, Sample, Vector, key

__all__ = ["LOOKBACK_SECONDS", "History", "Series"]

LOOKBACK_SECONDS = 300.0


@dataclasses.dataclass(slots=True)
class Series:
    """One series: its labels, and its samples in order of time. Times are seconds since the epoch."""

    labels: Mapping[str, str]
    times: list[float] = dataclasses.field(default_factory=list)
    values: list[float] = dataclasses.field(default_factory=list)


class History:
    """The pages of all scrapes so far. `keep` is how many seconds of them are kept."""

    def __init__(self, *, keep: float = 90_000.0) -> None:
        self._keep = keep
        self._scrapes: list[float] = []
        self._families: dict[str, dict[Key, Series]] = {}

    def add(self, page: Page, *, at: float) -> None:
        """Adds a scrape at that time (seconds since the epoch), later than every earlier one."""
        self._scrapes.append(at)
        for sample in page:
            self._append(sample, at)
        if self._scrapes[0] < at - 2 * self._keep:
            self._forget(before=at - self._keep)

    def extend(self, page: Page, names: Iterable[str]) -> None:
        """Adds the families of these names, which a recording rule has added to the newest page."""
        for name in names:
            for sample in page.family(name):
                self._append(sample, self._scrapes[-1])

    def instant(self, name: str, *, at: float) -> Vector:
        """The family as an instant selector reads it then: a series that the last scrape lacks is stale."""
        index = bisect.bisect_right(self._scrapes, at) - 1
        if index < 0 or at - self._scrapes[index] >= LOOKBACK_SECONDS:
            return []
        scrape = self._scrapes[index]
        found = []
        for series in self._families.get(name, {}).values():
            place = bisect.bisect_left(series.times, scrape)
            if place < len(series.times) and series.times[place] == scrape:
                found.append(Sample(series.labels, series.values[place]))
        return found

    def window(self, name: str, *, after: float, until: float) -> Iterator[Series]:
        """The family's series with the samples in (after, until], where there are any."""
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
