"""The clock of the demo, which is faster than real time, and formats of times.

The API server, the exporter and the rules (`time()`) use it, so that every threshold and every `for` is that of
production, and only the waiting is shorter.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable

__all__ = ["FastClock", "duration", "of_day", "rfc3339", "seconds_of"]


class FastClock:
    """Seconds since the epoch. They begin at `start` and pass `speed` times faster than `monotonic`.

    A call returns the simulated time as a float, as `time.time` does. `monotonic` (seconds) and `wait` (real seconds)
    are arguments so that tests need no real time. If the machine is too slow for the speed, the clock waits for the
    tasks that use it (`hold_at`).
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
        self._holds: dict[str, float] = {}

    def __call__(self) -> float:
        """The simulated time, in seconds since the epoch."""
        now = self._start + (self._monotonic() - self._origin) * self._speed
        latest = min(self._holds.values(), default=now)
        if now <= latest:
            return now
        self._start, self._origin = latest, self._monotonic()
        return latest

    @property
    def speed(self) -> float:
        """The number of simulated seconds in a real one."""
        return self._speed

    def change_speed(self, speed: float) -> None:
        """Changes the speed from the current time on. Waits that have begun are not affected."""
        self._start, self._origin = self(), self._monotonic()
        self._speed = speed

    def hold_at(self, task: str, moment: float | None) -> None:
        """Stops the clock at `moment` until the same task sets a later time; None removes the limit."""
        self()
        if moment is None:
            self._holds.pop(task, None)
        else:
            self._holds[task] = moment

    async def sleep(self, seconds: float) -> None:
        """Waits for this many simulated seconds."""
        await self.sleep_until(self() + seconds)

    async def sleep_until(self, moment: float) -> None:
        """Waits until the clock reaches `moment` (seconds since the epoch)."""
        while (rest := moment - self()) > 0:
            await self._wait(rest / self._speed)


def of_day(day: dt.date, moment: str) -> float:
    """Seconds since the epoch of the time `moment` ("12:32", UTC) on this day."""
    return dt.datetime.combine(day, dt.time.fromisoformat(moment), tzinfo=dt.UTC).timestamp()


def rfc3339(moment: float) -> str:
    """A time in the format of Kubernetes: UTC, whole seconds, `Z`."""
    return dt.datetime.fromtimestamp(int(moment), tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(stamp: str) -> float:
    """Seconds since the epoch of a time in the format of Kubernetes."""
    return dt.datetime.fromisoformat(stamp).timestamp()


def duration(seconds: float) -> str:
    """A duration in the format of the incident report: `7 h 39 min`, `15 min 30 s`, `40 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
