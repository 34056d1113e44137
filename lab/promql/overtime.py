"""Functions of range vectors: one number from the samples of a series in a window.

Source: "Functions" in Prometheus' querying documentation, and `extrapolatedRate` in its `promql/functions.go`.
"""

import itertools
from collections.abc import Callable, Mapping

from lab.promql.history import Series

__all__ = ["KEEPS_NAME", "OVER_TIME"]

KEEPS_NAME = frozenset({"last_over_time"})
_MAX_GAP_INTERVALS = 1.1  # a larger gap at a limit of the window means that the series starts or ends there


def _increase(series: Series, begin: float, end: float) -> float | None:
    """The increase of a counter, extrapolated to the limits of the window; None with fewer than two samples."""
    times, values = series.times, series.values
    if len(times) < 2:
        return None
    increased = values[-1] - values[0]
    increased += sum(before for before, after in itertools.pairwise(values) if after < before)
    covered = times[-1] - times[0]
    interval = covered / (len(times) - 1)
    to_begin, to_end = times[0] - begin, end - times[-1]
    if to_begin >= interval * _MAX_GAP_INTERVALS:
        to_begin = interval / 2
    if increased > 0 and values[0] >= 0:
        to_begin = min(to_begin, covered * (values[0] / increased))
    if to_end >= interval * _MAX_GAP_INTERVALS:
        to_end = interval / 2
    return increased * (covered + to_begin + to_end) / covered


def _rate(series: Series, begin: float, end: float) -> float | None:
    increased = _increase(series, begin, end)
    return None if increased is None else increased / (end - begin)


def _changes(series: Series, _: float, __: float) -> float:
    return float(sum(before != after for before, after in itertools.pairwise(series.values)))


def _resets(series: Series, _: float, __: float) -> float:
    return float(sum(after < before for before, after in itertools.pairwise(series.values)))


def _of_values(reduce: Callable[[list[float]], float]) -> Callable[[Series, float, float], float]:
    return lambda series, _, __: float(reduce(series.values))


OVER_TIME: Mapping[str, Callable[[Series, float, float], float | None]] = {
    "increase": _increase,
    "rate": _rate,
    "changes": _changes,
    "resets": _resets,
    "max_over_time": _of_values(max),
    "min_over_time": _of_values(min),
    "sum_over_time": _of_values(sum),
    "count_over_time": _of_values(len),
    "avg_over_time": _of_values(lambda values: sum(values) / len(values)),
    "last_over_time": _of_values(lambda values: values[-1]),
    "present_over_time": _of_values(lambda _: 1.0),
}
"""The functions by name. Their arguments are a series, and the start and end of the window. None means no result."""
