"""The soak itself: everything at once, for so long, and then the exporter's last page against the truth."""

import asyncio
import contextlib
import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

from lab.exporting import Exporter
from lab.faults import impatient
from lab.faults.proxy import FaultProxy
from tools.soak.eyes import Eyes
from tools.soak.faults import Scene, drawn
from tools.soak.judge import Outcome
from tools.soak.platform import CONFIGMAP, WRITERS, Platform, lives_for
from tools.soak.servers import Server
from tools.soak.trend import LEAST_BLOCKS
from tools.soak.truth import differences

__all__ = ["LEAST_INTERVAL", "Options", "TooSlowError", "soak"]

_IMPATIENT = pathlib.Path(impatient.__file__)
LEAST_INTERVAL = 5.0
"""Seconds from one fault to the next. The proxy breaks a silence each second, and no fault is to be shorter."""
_WARM_UP = 1 / 5
_LONGEST = 4  # times the time that was asked for, where the machine is too slow for the rate
_EQUAL_SECONDS = 120.0
_WATCHES = 3  # runs, Jobs, one ConfigMap
_SETTINGS: dict[str, Any] = {"configmaps": {"required": [CONFIGMAP]}, "log": {"format": "json"}}


class TooSlowError(Exception):
    """The machine makes so few changes that nothing can be judged."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Seconds, numbers, and changes a second. `program` is what Python runs as the exporter."""

    seconds: float = 600.0
    objects: int = 20000
    rate: float = 300.0
    scrapers: int = 20
    fault_every: float = 30.0
    seed: int = 1
    program: pathlib.Path = _IMPATIENT

    @property
    def fault_seconds(self) -> float:
        """How long a fault lasts: the exporter waits longer each time, and is to be back before the next one."""
        return min(8.0, self.fault_every * 0.4)

    @property
    def idle(self) -> float:
        """After how many seconds of silence the exporter gives a watch up: within a fault.

        In a watch that is only quiet the proxy says something each second.
        """
        return self.fault_seconds * 0.75


async def soak(options: Options, server: Server, *, folder: pathlib.Path, tell: Callable[[str], None]) -> Outcome:
    """Runs the exporter on this server. `tell` is given a line for each thing that happens.

    Raises TooSlowError, PlatformError, and ExporterEndedError, maybe in groups.
    """
    direct, by_proxy = folder / "direct.kubeconfig", folder / "by-proxy.kubeconfig"
    direct.write_text(server.kubeconfig(url=server.url))
    async with contextlib.AsyncExitStack() as stack:
        platform = await stack.enter_async_context(
            Platform(server, lives=lives_for(options.objects), rate=options.rate, seed=options.seed)
        )
        tell(f"making {options.objects:,} objects in {server.name}")
        await platform.fill()
        proxy = stack.enter_context(FaultProxy(server=server.url, ca=server.certificate, key=server.key))
        by_proxy.write_text(server.kubeconfig(url=proxy.url))
        program = (str(options.program), str(options.idle), str(folder / "no-clock"))
        exporter = Exporter(folder / "exporter", kubeconfig=by_proxy, settings=_SETTINGS, program=program)
        await asyncio.to_thread(exporter.__enter__)
        stack.callback(exporter.__exit__)
        scene = Scene(proxy=proxy, server=server, seconds=options.fault_seconds)
        soaking = _Soaking(options, platform=platform, exporter=exporter, scene=scene, tell=tell)
        return await soaking.run(kubeconfig=direct)


class _Soaking:
    """Writers, clients and faults at work."""

    def __init__(
        self,
        options: Options,
        *,
        platform: Platform,
        exporter: Exporter,
        scene: Scene,
        tell: Callable[[str], None],
    ) -> None:
        self._options = options
        self._platform = platform
        self._exporter = exporter
        self._scene = scene
        self._tell = tell
        self._lives = lives_for(options.objects)
        self._eyes = Eyes(exporter)
        self._faults: list[tuple[str, float]] = []

    async def run(self, *, kubeconfig: pathlib.Path) -> Outcome:
        options, platform, eyes = self._options, self._platform, self._eyes
        # A page may be short of what is being replaced, and what is dirty is rendered a moment later.
        moment = WRITERS + int(options.rate)
        least, most = max(1, self._lives - moment), self._lives + moment
        async with asyncio.TaskGroup() as tasks:
            work = [tasks.create_task(platform.work()) for _ in range(WRITERS)]
            work.append(tasks.create_task(platform.pulse()))
            work.append(tasks.create_task(eyes.scrape(clients=options.scrapers, least=least, most=most)))
            work.append(tasks.create_task(eyes.sample()))
            settled = await self._strike()
            seconds, changes, cpu_share = eyes.now, platform.changes, eyes.cpu_share
            for task in work:
                task.cancel()
        different = await differences(
            self._exporter, settings=_SETTINGS, kubeconfig=kubeconfig, seconds=_EQUAL_SECONDS
        )
        return Outcome(
            seconds=seconds,
            settled=settled,
            block=options.fault_every,
            scrapes=eyes.scrapes,
            series=dict(eyes.series),
            faults=list(eyes.struck(self._faults)),
            changes=changes,
            turnovers=platform.replaced / self._lives,
            peak_mib=eyes.peak_mib,
            cpu_share=cpu_share,
            different=different,
            complaints=eyes.complaints(),
        )

    async def _strike(self) -> float:
        """A fault at the begin of each interval until the time is over; gives when the warm-up was.

        It is as long as the machine needs to replace everything once, and the end waits for it.
        """
        options, eyes = self._options, self._eyes
        settled, due = 0.0, 0.0
        for kind in drawn(seed=options.seed):
            while eyes.now < due:
                await asyncio.sleep(max(0.0, min(1.0, due - eyes.now)))
                if not settled and self._is_warm():
                    settled = eyes.now
            if settled and eyes.now >= max(options.seconds, settled + (LEAST_BLOCKS + 0.5) * options.fault_every):
                return settled
            if eyes.now > _LONGEST * options.seconds:
                raise TooSlowError(
                    f"only {self._platform.replaced} of {self._lives} runs are replaced: too few changes"
                )
            await self._until_all_is_watched()
            self._faults.append((kind.name, eyes.now))
            self._tell(f"{eyes.now:6.0f} s  {kind.name:45} {self._platform.changes:8,} changes  {eyes.progress()}")
            await kind.strike(self._scene)
            due = max(due, eyes.now // options.fault_every * options.fault_every) + options.fault_every
        raise AssertionError

    async def _until_all_is_watched(self) -> None:
        """A fault that meets nobody would be none."""
        until = self._eyes.now + _EQUAL_SECONDS
        while self._scene.proxy.open < _WATCHES and self._eyes.now < until:
            await asyncio.sleep(0.1)

    def _is_warm(self) -> bool:
        """Whether a fifth of the time is over and nothing is left of the first objects, nor of their memory."""
        return self._eyes.now >= self._options.seconds * _WARM_UP and self._platform.replaced >= self._lives
