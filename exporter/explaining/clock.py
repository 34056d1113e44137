"""The newest time in the objects of a dump: about when it was made.

All objects count, also Nodes, Leases and Events about others: a run that hangs writes nothing. The times of a node
whose clock is ahead are corrected, see `node_clocks`.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from typing import Final

from exporter.resources.objects import unix_seconds

__all__ = ["times_of"]

_COMMON_TIMES: Final = ("creationTimestamp", "time", "lastTransitionTime", "lastUpdateTime")
"""Fields of metadata, managedFields and conditions. Not `deletionTimestamp`, which may be in the future."""
_BUILT_IN_TIMES: Final = (
    *("firstTimestamp", "lastTimestamp", "eventTime", "lastObservedTime", "deprecatedFirstTimestamp"),
    *("deprecatedLastTimestamp", "startTime", "completionTime", "startedAt", "finishedAt", "lastProbeTime"),
    *("lastHeartbeatTime", "renewTime", "acquireTime", "lastScheduleTime", "lastSuccessfulTime"),
)
"""Fields of Events, Pods, Jobs, Nodes, Leases and CronJobs. In a custom resource, they may be planned times."""
_BUILT_IN_GROUPS: Final = frozenset({"", "apps", "batch", "coordination.k8s.io", "events.k8s.io"})
_MAX_TIMES: Final = 10_000  # of one object


def _pattern(fields: Iterable[str]) -> re.Pattern[bytes]:
    """Matches these fields with a time, but not in a string of JSON (an annotation), where quotes are escaped."""
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
    return re.compile(rf'"(?:{"|".join(fields)})"\s*:\s*"({time})"'.encode())


_any, _kubernetes = _pattern(_COMMON_TIMES), _pattern((*_COMMON_TIMES, *_BUILT_IN_TIMES))


def times_of(raw: bytes, *, group: str) -> Iterator[float]:
    """The times of an object of this API group that are in the past, in seconds since the epoch."""
    found = (_kubernetes if group in _BUILT_IN_GROUPS else _any).finditer(raw)
    for text in {match[1] for match, _ in zip(found, range(_MAX_TIMES), strict=False)}:
        try:
            moment = unix_seconds(dt.datetime.fromisoformat(text.decode()))
        except (ValueError, OverflowError):
            continue
        if moment is not None:
            yield moment
