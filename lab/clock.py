"""Times: one clock for the whole demo, faster than the real one, and how a time is written.

The API server stamps its objects with it, the exporter reads it and the rules' `time()` is it, so that every
threshold and every `for` stays as it is in production and only the waiting gets shorter.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable

__all__ = ["FastClock", "duration", "of_day", "rfc3339", "seconds_of"]


class FastClock:
    """Seconds since the epoch that begin at `start` and pass `speed` times faster than `monotonic` does.

    Calling it gives the simulated time as a float, as `time.time` gives the real one. `monotonic` (seconds)
    and `wait` (real seconds) are arguments so that tests need no real time. On a machine that is too slow for the
    speed the clock stands still instead of running away from those that it must not leave behind (`due`).
    """

    def __init__(
        self,
        *,
        start: float,
        speed: float,
        monotonic: Callable[[], float] = time.monotonic,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._start = start
        self._speed = speed
        self._monotonic = monotonic
        self._wait = wait
        self._origin = monotonic()
        self._due: dict[str, float] = {}

    def __call__(self) -> float:
        """The simulated time, in seconds since the epoch."""
        now = self._start + (self._monotonic() - self._origin) * self._speed
        latest = min(self._due.values(), default=now)
        if now <= latest:
            return now
        self._start, self._origin = latest, self._monotonic()
        return latest

    @property
    def speed(self) -> float:
        """How many simulated seconds pass in a real one."""
        return self._speed

    def change_speed(self, speed: float) -> None:
        """Goes on from the present moment at another speed. A wait that has begun first ends as it was."""
        self._start, self._origin = self(), self._monotonic()
        self._speed = speed

    def due(self, worker: str, moment: float | None) -> None:
        """The clock goes no further than `moment` before that worker has named a later one; None: no more."""
        self()
        if moment is None:
            self._due.pop(worker, None)
        else:
            self._due[worker] = moment

    async def sleep(self, seconds: float) -> None:
        """Waits until that many simulated seconds have passed."""
        await self.sleep_until(self() + seconds)

    async def sleep_until(self, moment: float) -> None:
        """Waits until the clock shows `moment` (seconds since the epoch); at once when that has passed."""
        while (rest := moment - self()) > 0:
            await self._wait(rest / self._speed)


def of_day(day: dt.date, moment: str) -> float:
    """Seconds since the epoch of `moment` ("12:32", UTC) on that day."""
    return dt.datetime.combine(day, dt.time.fromisoformat(moment), tzinfo=dt.UTC).timestamp()


def rfc3339(moment: float) -> str:
    """The moment as Kubernetes writes it: UTC, whole seconds, `Z`."""
    return dt.datetime.fromtimestamp(int(moment), tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(stamp: str) -> float:
    """Seconds since the epoch of a moment as Kubernetes writes it."""
    return dt.datetime.fromisoformat(stamp).timestamp()


def duration(seconds: float) -> str:
    """A length of time as the incident's report has it: `7 h 39 min`, `15 min 30 s`, `40 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
