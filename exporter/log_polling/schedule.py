"""When the log of a container is read again."""

import zlib

__all__ = ["FAST_SECONDS", "INTERVAL_SECONDS", "Schedule"]

INTERVAL_SECONDS = 60.0
FAST_SECONDS = 15.0
_FAST_FOR_SECONDS = 1800.0  # longer than the limits of all shipped formats
_MAX_BACKOFF_SECONDS = 600.0
_MAX_ATTEMPTS_AT_END = 3
_MIN_WAIT_SECONDS = 1.0  # floats are not exact: a read at its second must not be followed by another


class Schedule:
    """The times at which the log of a container of the Pod with this UID is read, in seconds since the epoch.

    The UID determines the second within an interval, so that the requests for many Pods are spread evenly.
    """

    __slots__ = ("_failures", "_interval", "_phase")

    def __init__(self, uid: str) -> None:
        self._phase = zlib.crc32(uid.encode()) / 2**32 * INTERVAL_SECONDS
        self._failures = 0
        self._interval = INTERVAL_SECONDS

    @property
    def is_fast(self) -> bool:
        """Whether it is read every 15 s."""
        return self._interval == FAST_SECONDS

    @property
    def is_exhausted(self) -> bool:
        """Whether the last read of a container that has ended has failed too often."""
        return self._failures >= _MAX_ATTEMPTS_AT_END

    def first(self, now: float) -> float:
        """The first read, within 15 s: after a restart of the exporter, its series are missing until then."""
        return self._next(now, FAST_SECONDS)

    def after_success(self, now: float, *, after_word: float | None) -> float:
        """Every minute; every 15 s after a last word. `after_word`: the newest line, if a last word stands.

        A line that has not been read yet looks like silence, which is alerted after the last word. So it is read
        often until the log has had no line for 30 minutes.
        """
        self._failures = 0
        is_recent = after_word is not None and now - after_word < _FAST_FOR_SECONDS
        self._interval = FAST_SECONDS if is_recent else INTERVAL_SECONDS
        return self._next(now, self._interval)

    def after_failure(self, now: float) -> float:
        """After 1, 2, 4, 8 and 10 minutes, up to a minute less; first 15 s and 30 s if it is read every 15 s."""
        delay = min(_MAX_BACKOFF_SECONDS, self._interval * 2 ** min(self._failures, 8))
        self._failures += 1
        return self._next(now + delay - self._interval, self._interval)

    def at_end(self, now: float) -> float:
        """The read after the end of the container: immediately, with new attempts."""
        self._failures = 0
        self._interval = INTERVAL_SECONDS
        return now

    def _next(self, after: float, interval: float) -> float:
        wait = (self._phase - after) % interval
        return after + (wait if wait > _MIN_WAIT_SECONDS else wait + interval)
