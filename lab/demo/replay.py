"""Runs the replay: API server, platform, exporter and rules with one fast clock, until every incident is detected."""

import asyncio
import contextlib
import datetime as dt
import pathlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import Protocol, TextIO

import aiohttp

from lab.apiserver import StandInApiServer
from lab.clock import FastClock, of_day
from lab.demo.alerts import Alerts, State
from lab.demo.findings import Findings
from lab.demo.incidents import BEGIN, END, GIVE_UP, INCIDENTS, SCRIPT, Platforms
from lab.demo.rules import RULES_DIR, Rules, load_rules
from lab.demo.story import Story
from lab.demo.view import View
from lab.kubeconfig import kubeconfig
from lab.platform.controller import Platform
from lab.platform.generations import GROUP, NEWEST, NOVEMBER
from lab.platform.output import WriteLog
from lab.platform.workers import Workers
from lab.platform.writer import Writer, WriterError
from lab.promql import Scrape, parse_scrape

__all__ = ["DETECTED", "INTERRUPTED", "MISSED", "ReplayError", "ServeExporter", "replay"]

DETECTED, MISSED, INTERRUPTED = 0, 1, 130
_EVALUATION = 30.0  # simulated seconds between evaluations; the documented times to alert assume this interval
_ROUND = 10.0  # simulated seconds between two reconciliations of the platform
_BOOKMARKS = 60.0  # simulated seconds between bookmarks; a real API server sends them about once a minute
_SCRAPE = aiohttp.ClientTimeout(total=10)
_CONFLICTS = {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}  # another writer was faster; the next round reads its change
_JOB = "coderun-exporter"  # the name of the scrape job in the shipped scrape configuration


class ReplayError(Exception):
    """The replay cannot continue. The text is one line."""


class ServeExporter(Protocol):
    """Starts the exporter. Returns a context manager for the address of its web server."""

    def __call__(self, *, kubeconfig: pathlib.Path, clock: FastClock) -> contextlib.AbstractAsyncContextManager[str]:
        """`kubeconfig` names the API server; `clock` is the clock of the exporter."""
        ...


async def replay(
    *,
    out: TextIO,
    speed: float,
    stay: bool,
    exporter: ServeExporter,
    interrupted: asyncio.Event,
    note: str = "",
    day: dt.date | None = None,
) -> int:
    """Replays the incidents and returns the exit code: DETECTED, MISSED, or INTERRUPTED before all were detected.

    `speed` is the number of simulated seconds in a real one. With `stay`, all servers keep running after the end, at
    the speed of real time, until `interrupted` is set, which also ends a replay at any time. `note` is an additional
    line for the header. `day` is the day to replay (default: today). Raises RulesError for rules that cannot be
    evaluated, and ReplayError if the machine or the API server prevents the replay.
    """
    rules = load_rules(RULES_DIR)
    today = day or dt.datetime.now(tz=dt.UTC).date()
    findings = Findings(INCIDENTS)
    story = Story(view=View(out), day=today)
    stage = _Stage(rules=rules, findings=findings, story=story, day=today)
    playing = asyncio.create_task(stage.play(speed=speed, stay=stay, exporter=exporter, note=note))
    waiting = asyncio.create_task(interrupted.wait())
    try:
        await asyncio.wait((playing, waiting), return_when=asyncio.FIRST_COMPLETED)
        ended = playing.done() or stage.finished
    finally:
        await _cancel(waiting)
        await _cancel(playing)
        story.leave()
    if not playing.cancelled() and (error := playing.exception()):
        raise _readable(error)
    if findings.complete:
        return DETECTED
    return MISSED if ended else INTERRUPTED


class _Stage:
    """The components of a replay."""

    def __init__(self, *, rules: Rules, findings: Findings, story: Story, day: dt.date) -> None:
        self._findings = findings
        self._story = story
        self._day = day
        self._alerts = Alerts(rules.alerts, recording=rules.recording)
        self._rules = rules
        self.finished = False
        # The clock is not fast until all components are running.
        self._clock = FastClock(start=of_day(day, BEGIN), speed=1.0)

    async def play(self, *, speed: float, stay: bool, exporter: ServeExporter, note: str) -> None:
        clock = self._clock
        async with contextlib.AsyncExitStack() as stack:
            server = await stack.enter_async_context(_api_server(clock, bookmarks=_BOOKMARKS / speed))
            writer = await stack.enter_async_context(Writer(base_url=server.url))
            platforms = Platforms(
                *(Platform(writer=writer, clock=clock, generation=each) for each in (NOVEMBER, NEWEST))
            )
            for platform in platforms:
                await platform.install()
            kubeconfig = stack.enter_context(_kubeconfig_file(server.url))
            url = (await stack.enter_async_context(exporter(kubeconfig=kubeconfig, clock=clock))).rstrip("/")
            session = await stack.enter_async_context(aiohttp.ClientSession(timeout=_SCRAPE))
            self._open(speed=speed, url=url, server=server.url, note=note)
            clock.change_speed(speed)
            async with asyncio.TaskGroup() as group:
                rounds = group.create_task(self._rounds(writer, platforms, server.logs.write))
                script = group.create_task(self._script(platforms))
                await self._watch(session, url=url)
                self.finished = True
                script.cancel()
                clock.change_speed(1.0)
                self._close(url=url, stay=stay)
                if not stay:
                    rounds.cancel()

    def _open(self, *, speed: float, url: str, server: str, note: str) -> None:
        rules = self._rules
        evaluated = f"{len(rules.alerts)} alerting rules, evaluated every {_EVALUATION:g} s of simulated time"
        if rules.left_out:
            evaluated += f"; left to Prometheus: {', '.join(rules.left_out)}"
        addresses = [
            ("status page", f"{url}/"),
            ("metrics", f"{url}/metrics"),
            ("API server", f"{server}/apis/{GROUP}/v1/coderuns"),
            ("rules", evaluated),
        ]
        minutes = (of_day(self._day, END) - of_day(self._day, BEGIN)) / 60
        self._story.opening(speed=speed, minutes=minutes, addresses=addresses, note=note)

    def _close(self, *, url: str, stay: bool) -> None:
        ordered = sum(step.kind == "run" for step in SCRIPT)
        self._story.result(self._findings, runs=ordered, errors=self._alerts.errors)
        if stay:
            self._story.staying(url)

    async def _script(self, platforms: Platforms) -> None:
        """Runs the steps of the script at their times."""
        for step in SCRIPT:
            at = of_day(self._day, step.at)
            await self._clock.sleep_until(at)
            while step.after is not None and not self._findings.detected(step.after):
                await self._clock.sleep(_EVALUATION)
                at = self._clock()
            if step.do is not None:
                await step.do(platforms)
            self._story.step(step, at=at)

    async def _rounds(self, writer: Writer, platforms: Platforms, write_log: WriteLog) -> None:
        """Runs the controllers and the Jobs."""
        workers = [
            Workers(writer=writer, clock=self._clock, generation=each, write_log=write_log)
            for each in (NOVEMBER, NEWEST)
        ]
        while True:
            for work in (*(one.reconcile for one in platforms), *(one.advance for one in workers)):
                await _ignore_conflict(work())
            self._clock.hold_at("rounds", self._clock() + 2 * _ROUND)
            await self._clock.sleep(_ROUND)

    async def _watch(self, session: aiohttp.ClientSession, *, url: str) -> None:
        """Scrapes and evaluates until all incidents are detected and resolved, or until GIVE_UP.

        Evaluations are at multiples of the interval, as in Prometheus, and the clock waits for them.
        """
        end = of_day(self._day, GIVE_UP)
        while self._clock() < end and not self._findings.over:
            at = (self._clock() // _EVALUATION + 1) * _EVALUATION
            self._clock.hold_at("watch", at + _EVALUATION / 2)
            await self._clock.sleep_until(at)
            scrape = await _scrape(session, url)
            changed = self._alerts.evaluate(scrape, at=at)
            for transition in changed:
                self._findings.note(transition, scrape)
            self._story.ends(scrape, at=at)
            self._story.alerts(changed, scrape, self._findings)
            counts = {state: self._alerts.count(state) for state in (State.PENDING, State.FIRING)}
            self._story.status(scrape, at=at, pending=counts[State.PENDING], firing=counts[State.FIRING])
        self._clock.hold_at("watch", None)


async def _ignore_conflict(work: Awaitable[None]) -> None:
    """Ignores a conflict with another writer: the next round reads the new state."""
    try:
        await work
    except WriterError as error:
        if error.status not in _CONFLICTS:
            raise


async def _scrape(session: aiohttp.ClientSession, url: str) -> Scrape:
    """The samples that Prometheus would store for a scrape; if the scrape fails, only `up`."""
    target = {"job": _JOB, "instance": url.partition("://")[2]}
    try:
        async with session.get(f"{url}/metrics", headers={"Accept": "text/plain;version=0.0.4"}) as response:
            response.raise_for_status()
            return parse_scrape(await response.text(), target=target)
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return Scrape([("up", target, 0.0)])


@contextlib.asynccontextmanager
async def _api_server(clock: Callable[[], float], *, bookmarks: float) -> AsyncIterator[StandInApiServer]:
    server = StandInApiServer(clock=clock, bookmark_interval=bookmarks)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()


@contextlib.contextmanager
def _kubeconfig_file(server: str) -> Iterator[pathlib.Path]:
    """A temporary kubeconfig for the server."""
    with tempfile.TemporaryDirectory(prefix="coderun-exporter-demo-") as folder:
        file = pathlib.Path(folder) / "kubeconfig"
        file.write_text(kubeconfig(server, namespace=NOVEMBER.namespace), encoding="utf-8")
        yield file


async def _cancel(task: "asyncio.Task[object]") -> None:
    """Cancels a task and waits until it has ended. Ignores its result and its exception."""
    task.cancel()
    await asyncio.wait((task,))


def _readable(error: BaseException) -> BaseException:
    """Converts errors of the environment to one line. Other exceptions are bugs and are not changed."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, (aiohttp.ClientError, OSError, WriterError)):
        return ReplayError(f"the demo could not go on: {error or type(error).__name__}")
    return error
