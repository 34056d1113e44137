"""Tests whether a series with autocorrelated samples grows: the Theil-Sen estimator over the medians of blocks.

The slope is the median of the slopes between all pairs of points (Theil 1950, Sen 1968), which is robust against
outliers. Its interval comes from the distribution of Kendall's S, which is non-parametric. Both require independent
points. Samples are not independent, because a fault raises many of them at once. The medians of blocks are nearly
independent if each block is as long as the interval between two faults.
"""

import dataclasses
import itertools
import math
import statistics
from collections.abc import Sequence

__all__ = ["LEAST_BLOCKS", "Trend", "medians", "trend"]

LEAST_BLOCKS = 8
"""The minimum number of blocks; with fewer, the confidence interval is too wide to be useful."""
_MAX_BLOCKS = 200  # the computation takes all pairs of blocks
_Z = 1.96  # quantile of the normal distribution for a 95 % interval

Point = tuple[float, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trend:
    """The slope per second and its 95 % interval, `low` to `high`; the medians of the first and the last block."""

    slope: float
    low: float
    high: float
    first: float
    last: float


def trend(points: Sequence[Point], *, block: float) -> Trend | None:
    """The trend of (second, value) pairs, ordered by time, in blocks of about `block` seconds.

    None if there are fewer than LEAST_BLOCKS blocks.
    """
    block_medians = medians(points, block=block)
    count = len(block_medians)
    if count < LEAST_BLOCKS:
        return None
    slopes = sorted((b - a) / (until - at) for (at, a), (until, b) in itertools.combinations(block_medians, 2))
    half_width = _Z * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    lower_rank = math.floor((len(slopes) - half_width) / 2)
    return Trend(
        slope=statistics.median(slopes),
        low=slopes[max(0, lower_rank - 1)],
        high=slopes[min(len(slopes) - 1, len(slopes) - lower_rank)],
        first=block_medians[0][1],
        last=block_medians[-1][1],
    )


def medians(points: Sequence[Point], *, block: float) -> list[Point]:
    """(midpoint in seconds, median) of each complete block. An incomplete last block is dropped."""
    if not points:
        return []
    begin, span = points[0][0], points[-1][0] - points[0][0]
    length = max(block, span / _MAX_BLOCKS)
    whole = math.floor(span / length + 1e-9)
    values: dict[int, list[float]] = {}
    for at, value in points:
        values.setdefault(int((at - begin) / length), []).append(value)
    return [
        (begin + (index + 0.5) * length, statistics.median(found))
        for index, found in sorted(values.items())
        if index < whole
    ]
