"""The exporter's own metrics, and the state of each thing that it reads."""

import logging
import platform
from collections.abc import Callable

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from exporter import __version__
from exporter.plurals import plural

__all__ = ["REFUSALS", "STATES", "ResourceStatus", "Telemetry"]

STATES = ("syncing", "watching", "missing", "forbidden", "unauthorized", "unreachable")
REFUSALS = (
    *("max_requests", "connections", "slow_reader", "bad_request"),
    *("bad_handshake", "unauthorized", "login_queue"),
)

_log = logging.getLogger(__name__)


class Telemetry:
    """All metrics that are about the exporter and not about the cluster, in a registry of their own."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.clock = clock
        prometheus_client.ProcessCollector(registry=self.registry)
        prometheus_client.GCCollector(registry=self.registry)
        self._gauge(
            "build_info",
            "A constant 1, with the version of the exporter and of Python as labels.",
            "version",
            "python",
        ).labels(__version__, platform.python_version()).set(1)
        of = ("resource", "scope")
        self.state = self._gauge(
            "resource_state", "1 for the current state of the resource, 0 for the others.", *of, "state"
        )
        self.required = self._gauge("resource_required", "Whether readiness requires the resource.", *of)
        self.synced = self._gauge("resource_synced", "Whether the initial list has completed.", *of)
        self.objects = self._gauge("resource_objects", "Number of cached objects.", *of)
        self.last_sync = self._gauge(
            "resource_last_sync_timestamp_seconds",
            "Time at which the cached objects were last known to be up to date, in seconds since the epoch.",
            *of,
        )
        self.last_event = self._gauge(
            "resource_last_event_timestamp_seconds",
            "Time of the last change received, in seconds since the epoch.",
            *of,
        )
        self.streamed = self._gauge(
            "resource_list_streamed",
            "Whether the last list was streamed (WatchList); 0 if it was read in pages.",
            *of,
        )
        self.requests = self._counter("requests", "Number of lists and watches started.", *of, "verb")
        self.errors = self._counter(
            "errors", "Number of failed requests, by HTTP status or kind of error.", *of, "code"
        )
        self.malformed = self._counter(
            "malformed_objects",
            "Number of objects with fields that could not be read; their other fields are exposed.",
            *of,
        )
        self.scrapes = Histogram(
            "coderun_exporter_scrape_duration_seconds",
            "Time to serve a scrape, in seconds.",
            ["encoding"],
            buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10),
            registry=self.registry,
        )
        self.refused = self._counter(
            "clients_refused",
            "Number of rejected or disconnected clients of the web server, by the limit that they exceeded.",
            "reason",
        )
        for reason in REFUSALS:
            self.refused.labels(reason)
        self._web_config_successful = self._gauge(
            "web_config_last_reload_successful", "Whether the last reload of the web configuration was successful."
        )
        self._web_config_successful.set(1)
        self.loop_delay = Histogram(
            "coderun_exporter_event_loop_delay_seconds",
            "Delay with which the event loop runs a timer, in seconds.",
            buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5),
            registry=self.registry,
        )
        self.loop_tasks = self._gauge("event_loop_tasks", "Number of asyncio tasks.")

    def web_config_reloaded(self, *, successful: bool) -> None:
        """The web configuration was read again, or is not valid any more."""
        self._web_config_successful.set(successful)

    def resource(self, *, resource: str, scope: str, required: bool) -> "ResourceStatus":
        """A new thing to read, in the state `syncing`."""
        return ResourceStatus(self, resource=resource, scope=scope, required=required)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"coderun_exporter_{name}", text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"coderun_exporter_{name}", text, labels, registry=self.registry)


class ResourceStatus:
    """What is known of one list and watch. A change of its state is one log line; a retry is none."""

    def __init__(self, telemetry: Telemetry, *, resource: str, scope: str, required: bool) -> None:
        self.resource = resource
        self.scope = scope
        self.required = required
        self.state = ""
        self.detail = ""
        self.note = ""
        """Why its lists are read in pages although the server takes streamed ones; empty where nothing is wrong."""
        self.since = 0.0
        self.objects = 0
        self.last_sync: float | None = None
        self.pending = True
        """Whether its answer is still to come: neither read whole once, nor said to be missing or forbidden."""
        self._metrics = telemetry
        self._of = (resource, scope)
        telemetry.required.labels(*self._of).set(required)
        telemetry.synced.labels(*self._of).set(0)
        telemetry.malformed.labels(*self._of)
        self._enter("syncing", "")

    def record_request(self, *, verb: str) -> None:
        """A list or a watch is begun."""
        self._metrics.requests.labels(*self._of, verb).inc()

    def record_list_mode(self, *, streamed: bool, reason: str = "") -> None:
        """A list has been read. `reason` says why it could not be streamed; it holds until a list is streamed."""
        self._metrics.streamed.labels(*self._of).set(streamed)
        if reason and not self.note:
            fields = {"resource": self.resource, "scope": self.scope, "detail": reason}
            _log.warning("Streamed lists fail, reading lists in pages", extra=fields)
        self.note = "" if streamed else reason or self.note

    def record_list(self, *, objects: int, watching: bool = True) -> None:
        """A list has been read whole; `watching`: and what follows it will be seen, as far as is known."""
        self._metrics.synced.labels(*self._of).set(1)
        self.pending = False
        self._heard()
        self.count(objects)
        if watching and self.state != "watching":
            self._enter("watching", plural(objects, "object"))

    def count(self, objects: int) -> None:
        """So many objects are kept."""
        self.objects = objects
        self._metrics.objects.labels(*self._of).set(objects)

    def watching(self) -> None:
        """A watch goes on."""
        self._enter("watching", "the watch continued")

    def record_event(self, *, changed: int) -> None:
        """The watch said something: `changed` objects, or none for a bookmark."""
        self._heard()
        if changed:
            self._metrics.last_event.labels(*self._of).set(self._metrics.clock())

    def record_expired(self, *, code: str) -> None:
        """A request failed, and it is listed again at once, from scratch or in another way. That is no state."""
        self._metrics.errors.labels(*self._of, code).inc()

    def record_failure(self, *, state: str, code: str, detail: str) -> None:
        """A request failed; it will be tried again."""
        self._metrics.errors.labels(*self._of, code).inc()
        self.pending = self.pending and state not in {"missing", "forbidden"}
        if state != self.state:
            self._enter(state, detail)
        self.detail = detail

    def record_malformed(self) -> None:
        """Something in an object could not be read."""
        self._metrics.malformed.labels(*self._of).inc()

    def _heard(self) -> None:
        self.last_sync = self._metrics.clock()
        self._metrics.last_sync.labels(*self._of).set(self.last_sync)

    def _enter(self, state: str, detail: str) -> None:
        before, self.state, self.detail, self.since = self.state, state, detail, self._metrics.clock()
        for name in STATES:
            self._metrics.state.labels(*self._of, name).set(name == state)
        if before:
            level = logging.INFO if state == "watching" else logging.WARNING
            fields = {
                "resource": self.resource,
                "scope": self.scope,
                "state": state,
                "was": before,
                "detail": detail,
            }
            _log.log(level, "resource state changed", extra=fields)
