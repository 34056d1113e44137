"""Normal operation of an agent platform, in which no alert may fire."""

import functools
import random
from collections.abc import Callable
from typing import Any

from lab.platform.controller import CONFIGMAPS, RUNS
from lab.platform.generations import NEWEST
from lab.platform.manifests import CLIS, TEMPLATES, RunSpec, configmap_name, templates
from lab.timelapse.deeds import annotate_job, docs_begin, docs_end, order_held_back, quietly
from lab.timelapse.play import Agenda
from lab.timelapse.world import World

__all__ = ["DAY", "Schedule"]

DAY = 86400
AGENTS = {
    "Rex": (600, 10_800),
    "Blaze": (1800, 10_800),
    "Cleo": (240, 900),
    "Tess": (600, 1800),
    "Cipher": (240, 720),
    "Atlas": (300, 1200),
}
"""Seconds of work by agent. The limit of Rex and Blaze is set to four hours; the others have the default."""


class Schedule:
    """Adds days of normal operation to an agenda. The same `rng` creates the same days."""

    def __init__(self, *, agenda: Agenda, rng: random.Random, first_task: int, begin: float = 0.0) -> None:
        self.begin = begin
        """Start of the first day, in seconds since the epoch."""
        self._agenda = agenda
        self._rng = rng
        self._task = first_task
        self._exporters = 2

    def day(self, begin: float) -> None:
        """Adds a day that starts at `begin` (seconds since the epoch)."""
        for _ in range(30):
            self._run(begin)
        for _ in range(10):
            self._newest_run(begin)
        for _ in range(3):
            self._docsrun(begin)
            self._sync(begin)
        for _ in range(4):
            self._lost_scrape(begin)
        self._cancelled(begin)
        self._suspended(begin)
        self._long(begin)
        self._builds(begin)
        self._waits_on_purpose(begin)
        self._controller_rollout(begin)
        self._newest_rollout(begin)
        if self._rng.choice((True, False, False)):
            self._node_restart(begin)
        self._outage(begin)
        self._exporter_rollout(begin)
        self._exporter_crash(begin)

    def new_run(self, *, agent: str = "", **of: Any) -> RunSpec:
        """A new run."""
        self._task += 1
        agent = agent or self._rng.choice(list(AGENTS))
        start = self._rng.choice((5, 20, 240))  # 240: the image is pulled, or a node is added
        work = self._rng.uniform(*AGENTS.get(agent, (600, 2400))) + start
        plain: dict[str, Any] = {"cli": self._rng.choice(CLIS), "work_seconds": round(work), "start_seconds": start}
        return RunSpec(task=self._task, agent=agent, **(plain | of))

    def at(self, moment: float, deed: Callable[[World], Any]) -> None:
        """Adds an action to the agenda."""
        self._agenda.at(moment, deed)

    def create(self, moment: float, order: RunSpec) -> None:
        """Adds the creation of a run to the agenda."""
        self.at(moment, lambda world: world.order(order))

    def delete(self, moment: float, order: RunSpec) -> None:
        """Adds the deletion of a run to the agenda, by a user or by a lifetime limit."""
        self.at(moment, lambda world: world.writer.delete(f"{RUNS}/{order.name}"))

    def ignore(self, begin: float, end: float, order: RunSpec) -> None:
        """Adds a time in which the controller does not reconcile the run."""
        self.at(begin, lambda world: quietly(world.controller.forgotten.add, order.name))
        self.at(end, lambda world: quietly(world.controller.forgotten.discard, order.name))

    def stop_controller(self, begin: float, end: float) -> None:
        """Adds a time in which the controller does not run."""
        self.at(begin, lambda world: quietly(setattr, world.controller, "away", True))
        self.at(end, lambda world: quietly(setattr, world.controller, "away", False))

    def _moment(self, begin: float, *, last: float = DAY) -> float:
        return begin + self._rng.uniform(0, last)

    def _run(self, begin: float) -> None:
        """Adds a run. One in 40 fails or completes without a pull request, and is retried; one in 120 is deleted."""
        exits, empty = self._rng.choices(((("0",), 0), (("1", "0"), 0), (("0",), 1), (("1",), 0)), (116, 2, 1, 1))[0]
        order, at = self.new_run(exits=exits, empty_attempts=empty), self._moment(begin)
        self.create(at, order)
        end = at + order.work_seconds * 2 + 240
        later = 60 if exits == ("1",) else self._rng.uniform(1, 12) * 3600
        self.delete(end + later, order)

    def _newest_run(self, begin: float) -> None:
        order, at = self.new_run(agent="Rex", generation=NEWEST), self._moment(begin)
        self.create(at, order)
        gone = at + order.work_seconds + self._rng.uniform(1, 12) * 3600
        self.at(gone, lambda world: world.writer.delete(f"{NEWEST.runs}/{order.name}"))

    def _newest_rollout(self, begin: float) -> None:
        """Adds a rollout of the controller, and a Failed run whose template is missing in the image."""
        order, at = self.new_run(agent="Rex", generation=NEWEST), self._moment(begin)
        self.at(at, lambda world: quietly(setattr, world.newest, "away", True))
        self.at(at + 60, lambda world: quietly(setattr, world.newest, "away", False))
        self.at(at + 600, lambda world: world.newest.roll_out(missing_partial="own-task"))
        self.create(at + 600, order)
        self.at(at + 640, lambda world: world.newest.roll_out())

    def _docsrun(self, begin: float) -> None:
        order, at = self.new_run(agent="Atlas"), self._moment(begin)
        self.at(at, functools.partial(docs_begin, order=order))
        self.at(at + order.work_seconds + 60, functools.partial(docs_end, order=order))
        self.at(at + order.work_seconds + 7200, functools.partial(docs_end, order=order, gone=True))

    def _sync(self, begin: float) -> None:
        """Adds a sync that deletes a ConfigMap and creates it again."""
        kind, at = self._rng.choice(TEMPLATES), self._moment(begin)
        self.at(at, lambda world: world.writer.delete(f"{CONFIGMAPS}/{configmap_name(kind)}"))
        self.at(at + self._rng.uniform(1, 20), lambda world: world.writer.ensure(CONFIGMAPS, templates(kind)))

    def _lost_scrape(self, begin: float) -> None:
        at = self._moment(begin)
        self.at(at, lambda world: quietly(world.lose))
        self.at(at + 29, lambda world: quietly(world.find))

    def _cancelled(self, begin: float) -> None:
        order, at = self.new_run(work_seconds=1800), self._moment(begin)
        self.create(at, order)
        self.delete(at + self._rng.uniform(30, 1500), order)

    def _suspended(self, begin: float) -> None:
        order, at = self.new_run(work_seconds=2700), self._moment(begin)
        self.create(at, order)
        self.at(at + 900, lambda world: world.nodes.suspend(order.name, suspended=True))
        self.at(at + 900 + 5400, lambda world: world.nodes.suspend(order.name, suspended=False))

    def _long(self, begin: float) -> None:
        """Adds two Jobs that take three hours: the first has the limit of its agent, the second an annotation."""
        usual, at = self.new_run(agent="Blaze", work_seconds=3 * 3600), self._moment(begin)
        self.at(at, lambda world: world.order(usual))
        order, at = self.new_run(work_seconds=3 * 3600), self._moment(begin)
        self.create(at, order)
        for after in range(600, 4 * 3600, 1800):  # a node restart may replace the Job, and its annotation is lost
            self.at(at + after, functools.partial(annotate_job, name=order.name, limit="4h"))

    def _builds(self, begin: float) -> None:
        """Adds agents whose logs look like a hang: they build in silence, or their script does after the last word.

        One of them starts five sessions in one container.
        """
        busy: tuple[dict[str, Any], ...] = (
            {"cli": "claude", "silent_seconds": 1500},
            {"cli": "cursor", "silent_seconds": 1200},
            {"cli": "codex", "gate_seconds": 720},
            {"cli": "codex", "sessions": 5},
        )
        for course in busy:
            self.create(self._moment(begin), self.new_run(work_seconds=3300, **course))

    def _waits_on_purpose(self, begin: float) -> None:
        order, at = self.new_run(), self._moment(begin)
        self.at(at, functools.partial(order_held_back, order=order))
        self.at(at + 2700, lambda world: quietly(world.controller.forgotten.discard, order.name))

    def _controller_rollout(self, begin: float) -> None:
        at = self._moment(begin)
        self.stop_controller(at, at + self._rng.uniform(20, 90))

    def _node_restart(self, begin: float) -> None:
        self.at(self._moment(begin), lambda world: world.nodes.restart_node(self._rng))

    def _outage(self, begin: float) -> None:
        """Adds an upgrade of the API server, which does not respond to the exporter for a minute or two."""
        at = self._moment(begin)
        self.at(at, lambda world: world.refuse("", status=503))
        self.at(at + self._rng.uniform(20, 150), lambda world: world.allow())

    def _exporter_crash(self, begin: float) -> None:
        """Adds a crash and the immediate restart of one replica."""

        async def crash(world: World) -> None:
            names = [name for name in world.targets if world.running(name)]
            if names:
                await world.restart(names[0])

        self.at(self._moment(begin), crash)

    def _exporter_rollout(self, begin: float) -> None:
        """Adds a rollout that replaces one replica after the other, with an overlap or with a gap."""
        at, overlap = self._moment(begin), self._rng.choice((60, -45))
        held: list[str] = []

        async def come(world: World) -> None:
            self._exporters += 1
            held.extend(world.targets)
            await world.start(f"exporter-{self._exporters}")

        async def go(world: World) -> None:
            old = next(iter(held or world.targets), "")
            held.clear()
            if old in world.targets and world.running(old):
                await world.stop(old)

        first, then = (come, go) if overlap > 0 else (go, come)
        for start in (at, at + 120):
            self.at(start, first)
            self.at(start + abs(overlap), then)
