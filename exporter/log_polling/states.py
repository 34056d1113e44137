"""The state of reading a container's log."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from exporter.kube.errors import (
    BadRequestError,
    ForbiddenError,
    KubeError,
    NoContentError,
    NotFoundError,
    UnauthorizedError,
)

__all__ = [
    "BETWEEN",
    "EMPTY",
    "ERROR",
    "FORBIDDEN",
    "GONE",
    "OK",
    "SLOW",
    "START",
    "STATES",
    "UNREADABLE",
    "count_unreadable",
    "state_after",
]

OK, EMPTY, WAITING, FORBIDDEN, GONE, ERROR, SLOW = "ok", "empty", "waiting", "forbidden", "gone", "error", "slow"
START, BETWEEN = "start", "between"
"""Where lines may be missing: before the first read, or between two."""
STATES: Final = (OK, EMPTY, WAITING, FORBIDDEN, GONE, ERROR, SLOW)
"""Read; read, but without any line so far; not started; not permitted; deleted; failed; not answered in time."""
UNREADABLE: Final = (FORBIDDEN, SLOW, ERROR)
"""The states of a log that exists and cannot be read. The first one names the state of a namespace with several."""


def state_after(error: KubeError) -> str:
    """The state after a failed request, by its status. 400: the container is not running, or not any more."""
    match error:
        case ForbiddenError() | UnauthorizedError():
            return FORBIDDEN
        case NotFoundError():
            return GONE
        case BadRequestError() | NoContentError():
            return WAITING
    return SLOW if error.code == "timeout" else ERROR


def count_unreadable(logs: Iterable[tuple[str, str]]) -> Counter[str]:
    """The number of namespaces in which no log can be read, by state. `logs` has the namespace and state of each log.

    A namespace in which one log was read is not included, nor one whose containers are only starting or ending.
    """
    states: defaultdict[str, set[str]] = defaultdict(set)
    for namespace, state in logs:
        states[namespace].add(state)
    count = Counter(dict.fromkeys(UNREADABLE, 0))
    for found in states.values():
        if not found & {OK, EMPTY} and (worst := next((one for one in UNREADABLE if one in found), "")):
            count[worst] += 1
    return count
