"""Runs the soak test: writers, scrapers and faults; then compares the last scrape with a newly started exporter."""

import asyncio
import contextlib
import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

from lab.exporting import Exporter
from lab.faults import impatient
from lab.faults.proxy import FaultProxy
from tools.soak.compare import differences
from tools.soak.faults import FaultTargets, drawn
from tools.soak.observer import Observer
from tools.soak.outcome import Outcome
from tools.soak.platform import CONFIGMAP, WRITERS, Platform, lives_for
from tools.soak.servers import Server
from tools.soak.trend import LEAST_BLOCKS

__all__ = ["LEAST_INTERVAL", "Options", "TooSlowError", "soak"]

_SHORT_TIMEOUTS = pathlib.Path(impatient.__file__)
LEAST_INTERVAL = 5.0
"""Minimum interval between faults, in seconds. The proxy sends a keepalive each second, so faults must be longer."""
_WARM_UP = 1 / 5
_MAX_DURATION_FACTOR = 4  # a machine that cannot sustain the rate may need longer than `seconds`, up to 4 times
_CONVERGE_SECONDS = 120.0  # timeout for the exporter to match a newly started one
_WATCHES = 3  # runs, Jobs, one ConfigMap
_SETTINGS: dict[str, Any] = {"configmaps": {"required": [CONFIGMAP]}, "log": {"format": "json"}}


class TooSlowError(Exception):
    """The machine is too slow: not all objects were replaced within the maximum duration."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """`seconds` and `fault_every` are in seconds, `rate` in writes per second, `objects` and `scrapers` are numbers.

    `program` is the Python file that runs the exporter.
    """

    seconds: float = 600.0
    objects: int = 20000
    rate: float = 300.0
    scrapers: int = 20
    fault_every: float = 30.0
    seed: int = 1
    program: pathlib.Path = _SHORT_TIMEOUTS

    @property
    def fault_seconds(self) -> float:
        """The duration of a fault, so short that the exporter, with its backoff, recovers before the next fault."""
        return min(8.0, self.fault_every * 0.4)

    @property
    def idle(self) -> float:
        """The idle timeout of a watch in seconds: shorter than a fault.

        The proxy sends an empty line each second on a watch without events.
        """
        return self.fault_seconds * 0.75


async def soak(options: Options, server: Server, *, folder: pathlib.Path, log_line: Callable[[str], None]) -> Outcome:
    """Runs the test against this server. `log_line` is called for each step and fault.

    Raises TooSlowError, PlatformError and ExporterEndedError, possibly in an ExceptionGroup.
    """
    direct, by_proxy = folder / "direct.kubeconfig", folder / "by-proxy.kubeconfig"
    direct.write_text(server.kubeconfig(url=server.url))
    async with contextlib.AsyncExitStack() as stack:
        platform = await stack.enter_async_context(
            Platform(server, lives=lives_for(options.objects), rate=options.rate, seed=options.seed)
        )
        log_line(f"making {options.objects:,} objects in {server.name}")
        await platform.fill()
        proxy = stack.enter_context(FaultProxy(server=server.url, ca=server.certificate, key=server.key))
        by_proxy.write_text(server.kubeconfig(url=proxy.url))
        program = (str(options.program), str(options.idle), str(folder / "no-clock"))
        exporter = Exporter(folder / "exporter", kubeconfig=by_proxy, settings=_SETTINGS, program=program)
        await asyncio.to_thread(exporter.__enter__)
        stack.callback(exporter.__exit__)
        targets = FaultTargets(proxy=proxy, server=server, seconds=options.fault_seconds)
        soaking = _Soaking(options, platform=platform, exporter=exporter, targets=targets, log_line=log_line)
        return await soaking.run(kubeconfig=direct)


class _Soaking:
    """A running soak test."""

    def __init__(
        self,
        options: Options,
        *,
        platform: Platform,
        exporter: Exporter,
        targets: FaultTargets,
        log_line: Callable[[str], None],
    ) -> None:
        self._options = options
        self._platform = platform
        self._exporter = exporter
        self._targets = targets
        self._log_line = log_line
        self._lives = lives_for(options.objects)
        self._observer = Observer(exporter)
        self._faults: list[tuple[str, float]] = []

    async def run(self, *, kubeconfig: pathlib.Path) -> Outcome:
        options, platform, observer = self._options, self._platform, self._observer
        # A scrape may lack the runs that are being replaced, and up to a second of changes is not rendered yet.
        tolerance = WRITERS + int(options.rate)
        least, most = max(1, self._lives - tolerance), self._lives + tolerance
        async with asyncio.TaskGroup() as tasks:
            work = [tasks.create_task(platform.work()) for _ in range(WRITERS)]
            work.append(tasks.create_task(platform.pulse()))
            work.append(tasks.create_task(observer.scrape(clients=options.scrapers, least=least, most=most)))
            work.append(tasks.create_task(observer.sample()))
            settled = await self._strike()
            seconds, changes, cpu_share = observer.now, platform.changes, observer.cpu_share
            for task in work:
                task.cancel()
        different = await differences(
            self._exporter, settings=_SETTINGS, kubeconfig=kubeconfig, seconds=_CONVERGE_SECONDS
        )
        return Outcome(
            seconds=seconds,
            settled=settled,
            block=options.fault_every,
            scrapes=observer.scrapes,
            series=dict(observer.series),
            faults=list(observer.struck(self._faults)),
            changes=changes,
            turnovers=platform.replaced / self._lives,
            peak_mib=observer.peak_mib,
            cpu_share=cpu_share,
            different=different,
            complaints=observer.complaints(),
        )

    async def _strike(self) -> float:
        """Causes a fault at the start of each interval until the test ends. Returns the end of the warm-up.

        The warm-up lasts until all objects have been replaced once, and the test is extended accordingly.
        """
        options, observer = self._options, self._observer
        settled, due = 0.0, 0.0
        for kind in drawn(seed=options.seed):
            while observer.now < due:
                await asyncio.sleep(max(0.0, min(1.0, due - observer.now)))
                if not settled and self._is_warm():
                    settled = observer.now
            if settled and observer.now >= max(options.seconds, settled + (LEAST_BLOCKS + 0.5) * options.fault_every):
                return settled
            if observer.now > _MAX_DURATION_FACTOR * options.seconds:
                raise TooSlowError(
                    f"only {self._platform.replaced} of {self._lives} runs are replaced: too few changes"
                )
            await self._until_all_watches_are_open()
            self._faults.append((kind.name, observer.now))
            self._log_line(
                f"{observer.now:6.0f} s  {kind.name:45} {self._platform.changes:8,} changes  {observer.progress()}"
            )
            await kind.strike(self._targets)
            due = max(due, observer.now // options.fault_every * options.fault_every) + options.fault_every
        raise AssertionError

    async def _until_all_watches_are_open(self) -> None:
        """A fault without an open watch would have no effect."""
        until = self._observer.now + _CONVERGE_SECONDS
        while self._targets.proxy.open < _WATCHES and self._observer.now < until:
            await asyncio.sleep(0.1)

    def _is_warm(self) -> bool:
        """Whether a fifth of the duration has passed and all initial objects have been replaced."""
        return self._observer.now >= self._options.seconds * _WARM_UP and self._platform.replaced >= self._lives
