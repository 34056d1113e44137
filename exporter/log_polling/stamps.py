"""The time stamps of `timestamps=true`: RFC 3339, with nine digits and the offset of the node.

Source: pkg/logs of k8s.io/cri-client. A line without a stamp is a message of the kubelet, such as `unable to retrieve
container logs for containerd://...`, which it sends with status 200.
"""

import datetime as dt
import functools
import re

__all__ = ["NANOSECONDS", "split_stamp"]

NANOSECONDS = 1_000_000_000
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ")
_EPOCH = dt.datetime.fromtimestamp(0, dt.UTC)


def split_stamp(line: bytes) -> tuple[int, bytes] | None:
    """The time in nanoseconds since the epoch, and the text after it; None without a valid stamp."""
    if (match := _STAMP.match(line)) is None:
        return None
    seconds = _seconds(match[1] + match[3])
    return None if seconds is None else (seconds * NANOSECONDS + _nanoseconds(match[2]), line[match.end() :])


def _nanoseconds(digits: bytes | None) -> int:
    return int(digits.ljust(9, b"0")) if digits else 0


@functools.lru_cache(maxsize=512)
def _seconds(stamp: bytes) -> int | None:
    """Whole seconds since the epoch. Cached, because many lines have the same second."""
    try:
        return (dt.datetime.fromisoformat(stamp.decode()) - _EPOCH) // dt.timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
