"""Runs a simulation: executes actions at their times, reconciles the platform, and scrapes every 30 seconds."""

import dataclasses
import heapq
import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence

from lab.platform.writer import WriterError
from lab.timelapse.evaluation import STEP
from lab.timelapse.series import Recorder
from lab.timelapse.world import World

__all__ = ["Agenda", "play"]

_CONFLICTS = {404, 409}
_BOOKMARKS = 60.0  # seconds between two bookmarks, as on a real API server

Deed = Callable[[World], Awaitable[object]]


@dataclasses.dataclass(kw_only=True)
class Agenda:
    """Actions by time (seconds since the epoch). An action may add others."""

    _entries: list[tuple[float, int, Deed]] = dataclasses.field(default_factory=list)
    _order: Iterator[int] = dataclasses.field(default_factory=itertools.count)

    def at(self, moment: float, deed: Deed) -> None:
        """Adds an action."""
        heapq.heappush(self._entries, (moment, next(self._order), deed))

    def until(self, moment: float) -> Iterator[tuple[float, Deed]]:
        """Removes and returns the actions until a time, in order."""
        while self._entries and self._entries[0][0] <= moment:
            at, _, deed = heapq.heappop(self._entries)
            yield at, deed


async def play(
    world: World, agenda: Agenda, recorder: Recorder, *, until: float, rounds: Sequence[float] = (10, 20, 30)
) -> None:
    """Simulates the time from `world.now` to `until`. If the recorder is empty, starts with a scrape.

    `rounds`: the seconds after each scrape at which the platform reconciles; the last one is 30. If nothing has
    changed, reconciliations and scrapes are skipped.
    """
    stage = _Stage(world, recorder)
    begin = world.now
    if not recorder.scrapes:
        await stage.scrape()
    while begin < until:
        for after in rounds:
            for at, deed in agenda.until(begin + after):
                world.now = max(world.now, at)
                await _ignore_conflict(deed(world))
            world.now = begin + after
            await stage.round()
        begin += STEP
        await stage.scrape()


class _Stage:
    """The recurring steps, and the state of the world at the last time of each."""

    def __init__(self, world: World, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder
        self._rounded: object = None
        self._scraped: object = None
        self._bookmark = 0.0

    async def round(self) -> None:
        """Runs the controllers and the Jobs."""
        world = self._world
        controllers, nodes = (world.controller, world.newest), (world.nodes, world.newest_nodes)
        states = tuple((one.away, frozenset(one.forgotten)) for one in controllers)
        state = (world.server.store.revision, states)
        if self._rounded == state and not any(one.due(world.now) for one in (*controllers, *nodes)):
            return
        self._rounded = state
        for work in (*(one.reconcile for one in controllers), *(one.advance for one in nodes)):
            await _ignore_conflict(work())

    async def scrape(self) -> None:
        """Scrapes all targets, or repeats the previous scrape if nothing can have changed."""
        world = self._world
        state = (world.server.store.revision, dict(world.targets), world.refused, dict(world.started))
        if state != self._scraped or world.now - self._bookmark >= _BOOKMARKS:
            self._scraped, self._bookmark = state, world.now
            await world.settle()
            await world.poll()
        elif not await world.poll():
            self._recorder.again()
            return
        self._recorder.scrape(await world.pages(), started=world.started)


async def _ignore_conflict(doing: Awaitable[object]) -> None:
    """Ignores a conflict with another writer: the next round reads the new state."""
    try:
        await doing
    except WriterError as error:
        if error.status not in _CONFLICTS:
            raise
