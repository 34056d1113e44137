"""The composition root: creates all components and tasks."""

import asyncio
import contextlib
import dataclasses
import functools
import logging
import time
from collections.abc import AsyncIterator, Callable

from prometheus_client import CollectorRegistry

from exporter import __version__
from exporter.cache import CODERUNS, EVENTS, JOBS, PODS, ObjectCache
from exporter.config import Settings, Web, log_formats
from exporter.diagnosis.recorder import FlightRecorder
from exporter.event_watches import EventWatches
from exporter.exposition.exposition import Exposition
from exporter.informers import Informer, informers, kinds_of
from exporter.kube.auth import Credentials
from exporter.kube.budget import Budget
from exporter.kube.client import KubeClient
from exporter.log_formats import Formats, LogReader
from exporter.log_polling.metrics import LogMetrics
from exporter.log_polling.poller import LogPoller
from exporter.memory import memory_limit
from exporter.reflector import IDLE_SECONDS, Backoff, reflect
from exporter.resources.lifecycle import LifecycleMetrics
from exporter.resources.metrics_store import MetricsStore
from exporter.settings_notices import update_configmaps_notice, watch_kind_names
from exporter.telemetry import ResourceStatus, Telemetry
from exporter.threshold_settings import build_thresholds
from exporter.web.api import RunsApi
from exporter.web.health import Health
from exporter.web.limits import Limits
from exporter.web.metrics import Metrics
from exporter.web.overview import Overview, cluster_address
from exporter.web.reviews import Reviews
from exporter.web.server import Content, serve as serve_http
from exporter.web_config import WebConfigError, WebFile

__all__ = ["App", "serve"]

_log = logging.getLogger(__name__)

_SLICE_SECONDS = 0.01  # rendering yields to the event loop after this time
_RENDER_SECONDS = 1.0
_RENDER_TIMEOUT_SECONDS = 3.0  # the default scrape timeout of Prometheus is 10 s
_ADVANCE_SECONDS = 10.0
_HEARTBEAT_SECONDS = 0.25
_WAIT_SECONDS = 0.1
_BUDGET_BYTES = 512 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class App:
    """A running exporter; `urls` are its base URLs. `advance` is called every 10 seconds.

    `logs` reads the logs of agents; None: the settings switch that off.
    """

    urls: list[str]
    store: MetricsStore
    health: Health
    advance: Callable[[], None]
    logs: LogPoller | None = None

    @property
    def url(self) -> str:
        """The first base URL."""
        return self.urls[0]


@contextlib.asynccontextmanager
async def serve(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    idle: float = IDLE_SECONDS,
    polls_logs: bool = True,
) -> AsyncIterator[App]:
    """Runs the exporter until the context exits. Raises WebConfigError, KubeConfigError and ListenError.

    `clock` returns seconds since the epoch. A watch is closed after `idle` seconds without data. Without
    `polls_logs`, logs are read only by `App.logs.poll`, for clocks that are set.
    """
    telemetry = Telemetry(clock=clock)
    web_file = WebFile(settings.web.config_file, clock=time.monotonic, on_reload=telemetry.web_config_reloaded)
    _check_web(settings.web, web_file)
    credentials = await Credentials.load(
        kubeconfig=settings.kubernetes.kubeconfig, context=settings.kubernetes.context
    )
    cache = ObjectCache(
        thresholds=build_thresholds(settings),
        all_namespaces=not settings.namespaces,
        selected=bool(settings.label_selector),
    )
    cache.advance(clock())
    started = informers(settings, telemetry=telemetry)
    groups = {
        name: [informer.status for informer in started if informer.resource == name] for name in _names(started)
    }
    event_statuses: list[ResourceStatus] = []
    if settings.events.enabled:
        groups[EVENTS] = event_statuses
    health = Health(groups=groups, required=[name for name in (CODERUNS, JOBS) if name in groups])
    history = LifecycleMetrics(cache=cache, registry=CollectorRegistry(), has_logs=settings.logs.enabled)
    recorder = FlightRecorder(cache, started=clock())
    store = MetricsStore(
        cache=cache,
        lifecycle=history,
        has_synced=health.has_synced,
        recorder=recorder,
        has_logs=settings.logs.enabled,
        has_workflows=settings.workflows.enabled,
    )
    metrics = Metrics(
        render_exposition=functools.partial(_render_exposition, store), counted=history.text, telemetry=telemetry
    )
    overview = Overview(
        cache=cache, address=lambda: cluster_address(credentials.source, credentials.access.server), clock=clock
    )
    async with (
        KubeClient(credentials=credentials, budget=response_budget(memory_limit())) as client,
        serve_http(
            content=Content(
                metrics=metrics,
                health=health,
                overview=overview,
                runs=RunsApi(cache=cache, health=health, recorder=recorder),
            ),
            telemetry=telemetry,
            addresses=settings.web.listen_addresses,
            telemetry_path=settings.web.telemetry_path,
            limits=Limits(max_requests=settings.web.max_requests),
            web_file=web_file,
            reviews=_reviews(settings.web, client),
        ) as urls,
        asyncio.TaskGroup() as tasks,
    ):
        follow = functools.partial(_follow, client=client, store=store, health=health, idle=idle)
        running = [tasks.create_task(follow(informer), name=informer.name) for informer in started]
        running.append(tasks.create_task(_render_loop(store), name="render"))
        watches = EventWatches(
            store=store,
            telemetry=telemetry,
            statuses=event_statuses,
            notices=health.notices,
            tasks=tasks,
            follow=follow,
            fixed=bool(settings.namespaces),
        )
        advance = functools.partial(_advance, store, clock, health, watches if settings.events.enabled else None)
        running.append(tasks.create_task(_advance_loop(advance, health, clock), name="advance"))
        running.append(tasks.create_task(watch_kind_names(client, kinds_of(settings), health.notices), name="names"))
        running.append(tasks.create_task(_heartbeat(telemetry), name="heartbeat"))
        logs = _log_poller(store, client, telemetry, health, log_formats(settings)) if settings.logs.enabled else None
        if logs is not None and polls_logs:
            running.append(tasks.create_task(logs.run(), name="logs"))
        _log.info(
            "Started",
            extra={
                "version": __version__,
                "api_server": credentials.access.address or "(address not shown)",
                "credentials": credentials.source,
                "listen": ",".join(urls),
            },
        )
        yield App(urls=urls, store=store, health=health, advance=advance, logs=logs)
        watches.stop()
        for task in running:
            task.cancel()


def response_budget(limit: int | None) -> Budget:
    """The budget for all responses of the API server: a third of the memory limit, which is in bytes."""
    if limit is None:
        return Budget(max_bytes=_BUDGET_BYTES, reason="there is no memory limit")
    return Budget(max_bytes=limit // 3, reason=f"a third of the memory limit of {limit >> 20} MiB")


def _check_web(web: Web, file: WebFile) -> None:
    """Raises WebConfigError if clients would send tokens over plain HTTP and no setting allows it."""
    if web.kubernetes_auth and not file.secure:
        if not web.kubernetes_auth_without_tls:
            raise WebConfigError(
                "web.kubernetes_auth requires TLS, because tokens can be read on the network: set web.config_file to"
                " a file with tls_server_config, or set web.kubernetes_auth_without_tls if another component encrypts"
                " the traffic"
            )
        _log.warning("Bearer tokens are accepted over plain HTTP: web.kubernetes_auth_without_tls is set")
    if web.config_file and not file.protects:
        _log.warning("Web configuration has neither TLS nor users", extra={"file": web.config_file})


def _reviews(web: Web, client: KubeClient) -> Reviews | None:
    if not web.kubernetes_auth:
        return None
    return Reviews(post=client.review, clock=time.monotonic, audience=web.kubernetes_auth_audience)


def _log_poller(
    store: MetricsStore, client: KubeClient, telemetry: Telemetry, health: Health, formats: Formats
) -> LogPoller:
    metrics = LogMetrics(telemetry.registry)
    health.logs = metrics.states
    return LogPoller(
        store=store,
        client=client,
        clock=telemetry.clock,
        new_reader=lambda cli: LogReader(formats, expected=cli),
        metrics=metrics,
        notices=health.notices,
    )


def _names(started: list[Informer]) -> list[str]:
    return list(dict.fromkeys(informer.resource for informer in started))


async def _follow(
    informer: Informer, *, client: KubeClient, store: MetricsStore, health: Health, idle: float
) -> None:
    while informer.table == PODS and not health.has_synced(JOBS):
        await asyncio.sleep(_WAIT_SECONDS)  # Pods of unknown Jobs are not kept
    await reflect(
        client=client,
        source=informer.source(store),
        sink=informer.sink(store),
        status=informer.status,
        backoff=Backoff(),
        idle=idle,
    )


async def _render_exposition(store: MetricsStore, tail: Callable[[], str]) -> Exposition:
    """The exposition after all changes are rendered, or after a timeout.

    If objects change faster than they can be rendered, an exposition that is a second old is served.
    """
    deadline = time.monotonic() + _RENDER_TIMEOUT_SECONDS
    while not store.render(seconds=_SLICE_SECONDS) and not (store.complete and time.monotonic() > deadline):
        await asyncio.sleep(0)
    return store.exposition(tail=tail())


async def _render_loop(store: MetricsStore) -> None:
    """Renders between scrapes, so that scrapes are fast."""
    while True:
        await asyncio.sleep(_RENDER_SECONDS)
        if not store.has_synced:
            continue  # objects that are joined with others would be rendered twice during the initial lists
        while not store.render(seconds=_SLICE_SECONDS):
            await asyncio.sleep(0)


def _advance(store: MetricsStore, clock: Callable[[], float], health: Health, watches: EventWatches | None) -> None:
    now = clock()
    store.advance(now)
    update_configmaps_notice(store, health.notices, synced=health.has_synced("configmaps"))
    if watches is not None and _is_read(health, now):  # few Events of unknown objects are kept
        watches.update()


def _is_read(health: Health, now: float) -> bool:
    """Whether runs and Jobs have been listed. Pods are optional: Events do not wait for a list of them that fails."""
    return all(map(health.has_synced, (CODERUNS, JOBS))) and health.tried(PODS, now=now)


async def _advance_loop(advance: Callable[[], None], health: Health, clock: Callable[[], float]) -> None:
    """Applies the retention, updates the notices and the watches of Events: after the first lists, and every 10 s."""
    while True:
        await asyncio.sleep(_ADVANCE_SECONDS if _is_read(health, clock()) else min(_WAIT_SECONDS, _ADVANCE_SECONDS))
        advance()


async def _heartbeat(telemetry: Telemetry) -> None:
    """Measures the delay of the event loop, and the number of its tasks."""
    loop = asyncio.get_running_loop()
    telemetry.loop_tasks.set_function(lambda: len(asyncio.all_tasks(loop)))
    while True:
        due = time.monotonic() + _HEARTBEAT_SECONDS
        await asyncio.sleep(_HEARTBEAT_SECONDS)
        telemetry.loop_delay.observe(max(0.0, time.monotonic() - due))
