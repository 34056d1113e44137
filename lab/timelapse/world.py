"""The stand-in API server, the simulated platform and running exporters, with a clock that the simulation sets.

Before the clock advances, all exporters have received all events. So the same simulation has the same result on any
machine.
"""

import contextlib
import functools
import logging
import pathlib
import random
import tempfile
import uuid
from collections.abc import Iterable
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from exporter.app import App, serve
from exporter.config import AgentThresholds, CodeRuns, Kubernetes, Logs, Settings, Thresholds, Web as WebSettings
from exporter.profiles import Profile
from exporter.telemetry import ResourceStatus
from lab.apiserver import StandInApiServer
from lab.kubeconfig import kubeconfig
from lab.platform.controller import JOBS
from lab.platform.generations import NEWEST, NOVEMBER
from lab.platform.manifests import RunSpec
from lab.platform.writer import Writer
from lab.timelapse.players import Controller, Nodes
from lab.waiting import until_true

__all__ = ["DOCSRUNS", "LIMITS", "LONG_RUNNING_AGENTS", "World"]

LONG_RUNNING_AGENTS = ("rex", "blaze")
"""Agents whose Jobs take up to three hours: their limit in the settings is four hours."""
LIMITS = Thresholds(agents={agent: AgentThresholds(job_max_runtime="4h") for agent in LONG_RUNNING_AGENTS})
DOCSRUNS = Profile(plural="docsruns", kind="DocsRun")
DEADLINE_SECONDS = 86400  # activeDeadlineSeconds of Jobs, as in later versions of the platform


class World:
    """The simulated cluster and exporters. `now` is the time of all clocks (seconds since the epoch).

    The clock of the API server is `skew` seconds ahead. `targets` are the scrape targets by `instance`; the value is
    None if the target does not respond. With `logs`, the exporters may read the logs of agents. An async context
    manager.
    """

    def __init__(
        self, *, start: float, skew: float = 0.0, logs: bool = False, thresholds: Thresholds = LIMITS
    ) -> None:
        self.now = start
        self.skew = skew
        self._logs = logs
        self._thresholds = thresholds
        rng = random.Random(start)  # noqa: S311 - each simulation has the same UIDs, so that docs/calm.md can be compared
        self.server = StandInApiServer(
            clock=lambda: self.now + self.skew,
            uid=lambda: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        )
        self.targets: dict[str, App | None] = {}
        self.started: dict[str, float] = {}
        self.refused = ""
        self._running: dict[str, tuple[App, contextlib.AsyncExitStack]] = {}

    async def __aenter__(self) -> Self:
        self._stack = contextlib.AsyncExitStack()
        log = logging.getLogger("exporter")  # it would log each simulated outage
        self._stack.callback(log.setLevel, log.level)
        log.setLevel(logging.CRITICAL)
        await self.server.start()
        self._stack.push_async_callback(self.server.stop)
        folder = pathlib.Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="timelapse-")))
        self._kubeconfig = folder / "kubeconfig"
        self._kubeconfig.write_text(kubeconfig(self.server.url), encoding="utf-8")
        self.writer = await self._stack.enter_async_context(Admission(base_url=self.server.url))
        self._session = await self._stack.enter_async_context(aiohttp.ClientSession())
        clock = lambda: self.now + self.skew  # noqa: E731 - the controllers run beside the API server
        self.controller, self.newest = (
            Controller(ahead=self.skew, writer=self.writer, clock=clock, generation=each)
            for each in (NOVEMBER, NEWEST)
        )
        self.nodes, self.newest_nodes = (
            Nodes(
                ahead=self.skew,
                writer=self.writer,
                clock=clock,
                generation=each,
                write_log=self.server.logs.write,
            )
            for each in (NOVEMBER, NEWEST)
        )
        for controller in (self.controller, self.newest):
            await controller.install()
        return self

    async def order(self, order: RunSpec) -> None:
        """Creates a run in the namespace of its generation."""
        await (self.newest if order.generation is NEWEST else self.controller).order([order])

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for instance in list(self._running):
            await self.stop(instance)
        await self._stack.aclose()

    # Exporters.

    async def start(self, instance: str) -> None:
        """Starts an exporter, which becomes a scrape target with this `instance`."""
        stack = contextlib.AsyncExitStack()
        settings = Settings(
            kubernetes=Kubernetes(kubeconfig=str(self._kubeconfig)),
            web=WebSettings(listen_addresses=("127.0.0.1:0",)),
            coderuns=CodeRuns(kinds=(Profile(), DOCSRUNS)),
            thresholds=self._thresholds,
            logs=Logs(enabled=self._logs),
        )
        app = await stack.enter_async_context(serve(settings, clock=lambda: self.now, polls_logs=False))
        self._running[instance], self.targets[instance], self.started[instance] = (app, stack), app, self.now
        if not self.refused:
            await until_true(lambda: app.health.is_ready() and _all_read(app), what=f"exporter {instance} is ready")

    async def stop(self, instance: str, *, known: bool = False) -> None:
        """Stops an exporter. With `known`, Prometheus keeps the target, and its scrapes fail."""
        _, stack = self._running.pop(instance)
        await stack.aclose()
        if known:
            self.targets[instance] = None
        else:
            del self.targets[instance]

    def running(self, instance: str) -> bool:
        """Whether the exporter is running."""
        return instance in self._running

    async def restart(self, instance: str) -> None:
        """Stops the exporter and starts a new one with the same `instance`."""
        await self.stop(instance)
        await self.start(instance)

    def lose(self) -> None:
        """Makes all scrapes fail, although the exporters are running."""
        self.targets.update(dict.fromkeys(self.targets))

    def find(self) -> None:
        """Makes scrapes succeed again."""
        self.targets.update({instance: app for instance, (app, _) in self._running.items()})

    async def settle(self) -> None:
        """Sends a bookmark to each watch, and waits until every exporter has received all events.

        Then its clock advances, which may start and stop watches of Events.
        """
        self.server.bookmark()
        for app in self._apps():
            await until_true(
                functools.partial(_has_received_all, app, self.now), what="the exporter has received all events"
            )
            app.advance()
            await until_true(functools.partial(_has_listed_all, app), what="the Events are listed")

    async def poll(self) -> bool:
        """Lets every exporter read the logs that are due now. Returns whether it has read any."""
        for nodes in (self.nodes, self.newest_nodes):
            nodes.write_logs()
        before = self.server.logs.reads
        for app in self._apps():
            if app.logs is not None:
                await app.logs.poll()
        return self.server.logs.reads > before

    async def pages(self) -> dict[str, str | None]:
        """The response of each target; None if it does not respond."""
        return {instance: await self._page(app) if app else None for instance, app in self.targets.items()}

    async def _page(self, app: App) -> str:
        async with self._session.get(f"{app.url}/metrics", headers={"Accept": "text/plain"}) as answer:
            answer.raise_for_status()
            return await answer.text()

    # The API server.

    async def refuse(self, word: str, *, status: int) -> None:
        """Makes the API server end the exporters' watches of paths that end with `word`, and reject new ones.

        `status` is the HTTP status of the rejection. The platform uses no watches, so it is not affected.
        """

        async def intercept(request: web.Request) -> web.StreamResponse | None:
            if "watch" not in request.query or not request.path.endswith(word):
                return None
            return web.json_response({"kind": "Status", "message": "played"}, status=status)

        self.refused = f"{word} {status}"
        port = int(self.server.url.rpartition(":")[2])
        await self.server.stop()
        self.server.intercept = intercept
        await self.server.start(port=port)
        state = "forbidden" if status == HTTPStatus.FORBIDDEN else "unreachable"
        for app in self._apps():
            for one in app.health.statuses:
                wanted = state if one.resource.endswith(word) else "watching"
                await until_true(functools.partial(_are_all, [one], wanted), what=f"{one.resource} is {wanted}")

    async def allow(self) -> None:
        """Makes the API server accept all watches again."""
        self.refused = ""
        self.server.intercept = None
        for app in self._apps():
            statuses = app.health.statuses
            await until_true(functools.partial(_are_all, statuses, "watching"), what="all are watched again")

    def _apps(self) -> list[App]:
        """The running exporters, whether Prometheus reaches them or not."""
        return [app for app, _ in self._running.values()]


class Admission(Writer):
    """The client of the platform, with an admission policy that sets a deadline on agent Jobs (safeguard S3)."""

    policy = True

    async def create(self, path: str, manifest: Any) -> dict[str, Any]:
        """Creates the object after the policy has changed it."""
        if path == JOBS and self.policy:
            manifest = manifest | {"spec": manifest["spec"] | {"activeDeadlineSeconds": DEADLINE_SECONDS}}
        return await super().create(path, manifest)


def _all_read(app: App) -> bool:
    return all(not status.pending or status.state == "unreachable" for status in app.health.statuses)


def _are_all(statuses: Iterable[ResourceStatus], state: str) -> bool:
    return all(one.state == state for one in statuses)


def _has_listed_all(app: App) -> bool:
    return all(status.state != "syncing" for status in app.health.statuses)


def _has_received_all(app: App, now: float) -> bool:
    return all(status.last_sync == now for status in app.health.statuses if status.state == "watching")
