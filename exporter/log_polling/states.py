"""The state of reading a container's log."""

from typing import Final

from exporter.kube.errors import (
    BadRequestError,
    ForbiddenError,
    KubeError,
    NoContentError,
    NotFoundError,
    UnauthorizedError,
)

__all__ = ["BETWEEN", "EMPTY", "ERROR", "FORBIDDEN", "GONE", "OK", "SLOW", "START", "STATES", "state_after"]

OK, EMPTY, WAITING, FORBIDDEN, GONE, ERROR, SLOW = "ok", "empty", "waiting", "forbidden", "gone", "error", "slow"
START, BETWEEN = "start", "between"
"""Where lines may be missing: before the first read, or between two."""
STATES: Final = (OK, EMPTY, WAITING, FORBIDDEN, GONE, ERROR, SLOW)
"""Read; read, but without any line so far; not started; not permitted; deleted; failed; not answered in time."""


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
