"""Whether a series grows, where its samples hang together: Theil-Sen over the medians of blocks.

The slope is the median of the slopes between all pairs (Theil 1950, Sen 1968), which single leaps do not move; its
interval comes from the distribution of Kendall's S, which knows no shape of the noise. Both ask for points that are
independent of each other. Samples are not: a fault lifts many of them at once. Medians of blocks that are each as
long as from one fault to the next nearly are.
"""

import dataclasses
import itertools
import math
import statistics
from collections.abc import Sequence

__all__ = ["LEAST_BLOCKS", "Trend", "medians", "trend"]

LEAST_BLOCKS = 8
"""With fewer the interval tells hardly more than that there is one."""
_MOST_BLOCKS = 200  # all pairs of them are looked at
_Z = 1.96  # of the normal distribution, for 95 %

Point = tuple[float, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trend:
    """Per second: the slope, and the ends of its 95 % interval. `first` and `last` are medians of the end blocks."""

    slope: float
    low: float
    high: float
    first: float
    last: float


def trend(points: Sequence[Point], *, block: float) -> Trend | None:
    """The trend of (second, value) pairs in order of time, by blocks of about so many seconds.

    None where these are fewer than LEAST_BLOCKS.
    """
    of_blocks = medians(points, block=block)
    count = len(of_blocks)
    if count < LEAST_BLOCKS:
        return None
    slopes = sorted((b - a) / (until - at) for (at, a), (until, b) in itertools.combinations(of_blocks, 2))
    reach = _Z * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    outside = math.floor((len(slopes) - reach) / 2)
    return Trend(
        slope=statistics.median(slopes),
        low=slopes[max(0, outside - 1)],
        high=slopes[min(len(slopes) - 1, len(slopes) - outside)],
        first=of_blocks[0][1],
        last=of_blocks[-1][1],
    )


def medians(points: Sequence[Point], *, block: float) -> list[Point]:
    """The middle of each whole block, and the median of its values. The rest counts not."""
    if not points:
        return []
    begin, span = points[0][0], points[-1][0] - points[0][0]
    length = max(block, span / _MOST_BLOCKS)
    whole = math.floor(span / length + 1e-9)
    values: dict[int, list[float]] = {}
    for at, value in points:
        values.setdefault(int((at - begin) / length), []).append(value)
    return [
        (begin + (index + 0.5) * length, statistics.median(found))
        for index, found in sorted(values.items())
        if index < whole
    ]
