"""The newest time in the objects of a dump: about when it was made.

All objects count, also Nodes, Leases and Events about others: a run that hangs writes nothing.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from typing import Final

from exporter.resources.objects import unix_seconds

__all__ = ["times_of"]

_OF_ALL: Final = ("creationTimestamp", "time", "lastTransitionTime", "lastUpdateTime")
"""Of metadata with its managedFields, and of conditions. Not `deletionTimestamp`, which may be in the future."""
_OF_KUBERNETES: Final = (
    *("firstTimestamp", "lastTimestamp", "eventTime", "lastObservedTime", "deprecatedFirstTimestamp"),
    *("deprecatedLastTimestamp", "startTime", "completionTime", "startedAt", "finishedAt", "lastProbeTime"),
    *("lastHeartbeatTime", "renewTime", "acquireTime", "lastScheduleTime", "lastSuccessfulTime"),
)
"""Of Events, Pods, Jobs, Nodes, Leases and CronJobs. In a custom resource they may be a plan."""
_GROUPS: Final = frozenset({"", "apps", "batch", "coordination.k8s.io", "events.k8s.io"})
_MOST: Final = 10_000


def _pattern(fields: Iterable[str]) -> re.Pattern[bytes]:
    """An object within a string, as in an annotation, has escaped quotes, and does not match."""
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
    return re.compile(rf'"(?:{"|".join(fields)})"\s*:\s*"({time})"'.encode())


_any, _kubernetes = _pattern(_OF_ALL), _pattern((*_OF_ALL, *_OF_KUBERNETES))


def times_of(raw: bytes, *, group: str) -> Iterator[float]:
    """The times of an object of this API group that are in the past, in seconds since the epoch."""
    found = (_kubernetes if group in _GROUPS else _any).finditer(raw)
    for text in {match[1] for match, _ in zip(found, range(_MOST), strict=False)}:
        try:
            moment = unix_seconds(dt.datetime.fromisoformat(text.decode()))
        except (ValueError, OverflowError):
            continue
        if moment is not None:
            yield moment
