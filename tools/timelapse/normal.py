"""Normal life of an agent platform: what happens every day, and is no reason to wake anybody."""

import datetime as dt
import functools
import random
from collections.abc import Callable
from typing import Any

from exporter.demo.manifests import CLIS, GROUP, NAMESPACE, TEMPLATES, Order, coderun, configmap_name, job, templates
from exporter.demo.platform import CONFIGMAPS, JOBS, RUNS
from tools.timelapse.play import Agenda
from tools.timelapse.world import World

__all__ = ["PATIENT", "Life", "cancel", "quietly"]

DAY = 86400
AGENTS = {"Rex": (600, 2400), "Cleo": (240, 900), "Tess": (600, 1800), "Cipher": (240, 720), "Atlas": (300, 1200)}
"""How long each works, in seconds."""
PATIENT = "Blaze"
"""An agent whose limit in the exporter's settings is four hours."""
_DOCSRUNS = f"/apis/{GROUP}/v1/namespaces/{NAMESPACE}/docsruns"
_MAX_RUNTIME = "coderun-exporter/max-runtime"
_DEADLINE = "coderun-exporter/job-creation-deadline"


class Life:
    """Puts normal days on an agenda. The same `chance` makes the same days."""

    def __init__(self, *, agenda: Agenda, chance: random.Random, first_task: int) -> None:
        self._agenda = agenda
        self._chance = chance
        self._task = first_task
        self._exporters = 1

    def day(self, begin: float) -> None:
        """All that happens from `begin` (seconds since the epoch) on for a day."""
        for _ in range(30):
            self._run(begin)
        for _ in range(3):
            self._docsrun(begin)
            self._sync(begin)
        for _ in range(4):
            self._lost_scrape(begin)
        self._cancelled(begin)
        self._suspended(begin)
        self._long(begin)
        self._waits_on_purpose(begin)
        self._controller_rollout(begin)
        if self._chance.choice((True, False, False)):
            self._node_restart(begin)
        self._outage(begin)
        self._exporter_rollout(begin)

    def order(self, *, agent: str = "", **of: Any) -> Order:
        """A run that was not there before."""
        self._task += 1
        agent = agent or self._chance.choice(list(AGENTS))
        # Part of the work is the pod's start: an image that is pulled, a node that is added.
        work = self._chance.uniform(*AGENTS.get(agent, (600, 2400))) + self._chance.choice((5, 20, 240))
        plain = {"cli": self._chance.choice(CLIS), "work": round(work)}
        return Order(task=self._task, agent=agent, **(plain | of))

    def at(self, moment: float, deed: Callable[[World], Any]) -> None:
        """Puts a deed on the agenda."""
        self._agenda.at(moment, deed)

    def _moment(self, begin: float, *, last: float = DAY) -> float:
        return begin + self._chance.uniform(0, last)

    def _run(self, begin: float) -> None:
        exits = self._chance.choices((("0",), ("1", "0"), ("1", "1")), (116, 3, 1))[0]
        order, at = self.order(exits=exits), self._moment(begin)
        self.at(at, lambda world: world.controller.order([order]))
        end = at + order.work * len(exits) + 120
        if self._chance.choice((True, False)):  # finished Jobs may be deleted at once
            self.at(end, functools.partial(_tidy, name=order.name))
        self.at(end + self._chance.uniform(1, 12) * 3600, functools.partial(cancel, name=order.name))

    def _docsrun(self, begin: float) -> None:
        order, at = self.order(agent="Atlas"), self._moment(begin)
        self.at(at, functools.partial(_docs_begin, order=order))
        self.at(at + order.work + 60, functools.partial(_docs_end, order=order))
        self.at(at + order.work + 7200, functools.partial(_docs_end, order=order, gone=True))

    def _sync(self, begin: float) -> None:
        """Some tools delete a ConfigMap and create it again."""
        kind, at = self._chance.choice(TEMPLATES), self._moment(begin)
        self.at(at, lambda world: world.writer.delete(f"{CONFIGMAPS}/{configmap_name(kind)}"))
        self.at(at + self._chance.uniform(1, 20), lambda world: world.writer.ensure(CONFIGMAPS, templates(kind)))

    def _lost_scrape(self, begin: float) -> None:
        at = self._moment(begin)
        self.at(at, lambda world: quietly(world.lose))
        self.at(at + 29, lambda world: quietly(world.find))

    def _cancelled(self, begin: float) -> None:
        order, at = self.order(work=1800), self._moment(begin)
        self.at(at, lambda world: world.controller.order([order]))
        self.at(at + self._chance.uniform(30, 1500), functools.partial(cancel, name=order.name))

    def _suspended(self, begin: float) -> None:
        order, at = self.order(work=2700), self._moment(begin)
        self.at(at, lambda world: world.controller.order([order]))
        self.at(at + 900, lambda world: world.nodes.suspend(order.name, suspended=True))
        self.at(at + 900 + 5400, lambda world: world.nodes.suspend(order.name, suspended=False))

    def _long(self, begin: float) -> None:
        """Two Jobs that take three hours: one of an agent that may, one of which somebody who knows has said so."""
        usual, at = self.order(agent=PATIENT, work=3 * 3600), self._moment(begin)
        self.at(at, lambda world: world.controller.order([usual]))
        order, at = self.order(work=3 * 3600), self._moment(begin)
        self.at(at, lambda world: world.controller.order([order]))
        for after in range(600, 4 * 3600, 1800):  # a node that restarts brings another Job, without the annotation
            self.at(at + after, functools.partial(_annotate_job, name=order.name, limit="4h"))

    def _waits_on_purpose(self, begin: float) -> None:
        order, at = self.order(), self._moment(begin)
        self.at(at, functools.partial(_order_held_back, order=order))
        self.at(at + 2700, lambda world: quietly(world.controller.forgotten.discard, order.name))

    def _controller_rollout(self, begin: float) -> None:
        at = self._moment(begin)
        self.at(at, lambda world: quietly(setattr, world.controller, "away", True))
        back = at + self._chance.uniform(20, 90)
        self.at(back, lambda world: quietly(setattr, world.controller, "away", False))

    def _node_restart(self, begin: float) -> None:
        self.at(self._moment(begin), lambda world: world.nodes.restart_node(self._chance))

    def _outage(self, begin: float) -> None:
        """The API server does not answer the exporter for a minute or two, as in an upgrade."""
        at = self._moment(begin)
        self.at(at, lambda world: world.refuse("", status=503))
        self.at(at + self._chance.uniform(20, 150), lambda world: world.allow())

    def _exporter_rollout(self, begin: float) -> None:
        at, overlap = self._moment(begin), self._chance.choice((60, -45))
        held: dict[str, str] = {}

        async def come(world: World) -> None:
            self._exporters += 1
            held["old"] = next(iter(world.targets), "")
            await world.start(f"exporter-{self._exporters}")

        async def go(world: World) -> None:
            old = held.get("old") or next(iter(world.targets), "")
            if old in world.targets and world.running(old):
                await world.stop(old)

        first, then = (come, go) if overlap > 0 else (go, come)
        self.at(at, first)
        self.at(at + abs(overlap), then)


async def quietly(change: Callable[..., Any], *of: Any) -> None:
    """A deed that is no coroutine."""
    change(*of)


async def cancel(world: World, *, name: str) -> None:
    """Somebody, or a limit on its life, deletes a run."""
    await world.writer.delete(f"{RUNS}/{name}")


async def _tidy(world: World, *, name: str) -> None:
    run = await world.writer.read(f"{RUNS}/{name}")
    if run and run.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
        for item in await _jobs_of(world, name):
            await world.writer.delete(f"{JOBS}/{item['metadata']['name']}")


async def _annotate_job(world: World, *, name: str, limit: str) -> None:
    for item in await _jobs_of(world, name):
        note = {"metadata": {"annotations": {_MAX_RUNTIME: limit}}}
        await world.writer.patch(f"{JOBS}/{item['metadata']['name']}", note)


async def _jobs_of(world: World, run: str) -> list[dict[str, Any]]:
    items = await world.writer.items(JOBS)
    return [item for item in items if any(one["name"] == run for one in item["metadata"].get("ownerReferences", ()))]


async def _order_held_back(world: World, *, order: Order) -> None:
    """A run that is to wait for a machine: whoever creates it says so."""
    manifest = coderun(order)
    manifest["metadata"]["annotations"][_DEADLINE] = "none"
    world.controller.forgotten.add(order.name)
    await world.writer.create(RUNS, manifest)


async def _docs_begin(world: World, *, order: Order) -> None:
    made = await world.writer.create(_DOCSRUNS, coderun(order) | {"kind": "DocsRun"})
    made_job = await world.writer.create(JOBS, job(made))
    status = {"phase": "Running", "jobName": made_job["metadata"]["name"]}
    await world.writer.patch(f"{_DOCSRUNS}/{order.name}/status", {"status": status})


async def _docs_end(world: World, *, order: Order, gone: bool = False) -> None:
    path = f"{_DOCSRUNS}/{order.name}"
    if gone:
        await world.writer.delete(path)
        return
    now = dt.datetime.fromtimestamp(world.now, tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    await world.writer.patch(f"{path}/status", {"status": {"phase": "Succeeded", "lastUpdate": now}})
