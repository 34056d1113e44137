"""The exporter's own metrics, and the status of each list and watch."""

import functools
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
    """The metrics about the exporter, in a separate registry."""

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
        labels = ("resource", "scope")
        self.state = self._gauge(
            "resource_state", "1 for the current state of the resource, 0 for the others.", *labels, "state"
        )
        self.required = self._gauge("resource_required", "Whether readiness requires the resource.", *labels)
        self.not_granted = self._gauge(
            "resource_not_granted",
            "Whether an optional resource is missing or forbidden. Nothing else depends on it.",
            *labels,
        )
        self.synced = self._gauge("resource_synced", "Whether the initial list has completed.", *labels)
        self.objects = self._gauge("resource_objects", "Number of cached objects.", *labels)
        self.last_sync = self._gauge(
            "resource_last_sync_timestamp_seconds",
            "Time at which the cached objects were last known to be up to date, in seconds since the epoch.",
            *labels,
        )
        self.last_event = self._gauge(
            "resource_last_event_timestamp_seconds",
            "Time of the last change received, in seconds since the epoch.",
            *labels,
        )
        self.streamed = self._gauge(
            "resource_list_streamed",
            "Whether the last list was streamed (WatchList); 0 if it was read in pages.",
            *labels,
        )
        self.requests = self._counter("requests", "Number of lists and watches started.", *labels, "verb")
        self.errors = self._counter(
            "errors", "Number of failed requests, by HTTP status or kind of error.", *labels, "code"
        )
        self.malformed = self._counter(
            "malformed_objects",
            "Number of objects with fields that could not be read; their other fields are exposed.",
            *labels,
        )
        self.events = self._counter(
            "events", "Number of Events received, by whether they are about a known open object (kept).", "result"
        )
        for result in ("kept", "ignored"):
            self.events.labels(result)
        self.events_unwatched = self._gauge(
            "events_unwatched_namespaces", "Number of namespaces with open runs whose Events are not watched."
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
        """Records a reload of the web configuration."""
        self._web_config_successful.set(successful)

    def resource(self, *, resource: str, scope: str, required: bool, optional: bool = False) -> "ResourceStatus":
        """A new list and watch, in the state `syncing`."""
        return ResourceStatus(self, resource=resource, scope=scope, required=required, optional=optional)

    def _gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        return Gauge(f"coderun_exporter_{name}", documentation, labels, registry=self.registry)

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"coderun_exporter_{name}", documentation, labels, registry=self.registry)


class ResourceStatus:
    """The status of one list and watch. Logs changes of the state, but not retries."""

    def __init__(
        self, telemetry: Telemetry, *, resource: str, scope: str, required: bool, optional: bool = False
    ) -> None:
        self.resource = resource
        self.scope = scope
        self.required = required
        self._optional = optional
        self.state = ""
        self.detail = ""
        self.note = ""
        """Why its lists are paged although the server supports streamed lists; empty otherwise."""
        self.since = 0.0
        self.objects = 0
        self.last_sync: float | None = None
        self.pending = True
        """Whether the initial list has neither completed, nor failed as missing or forbidden."""
        self._metrics = telemetry
        self._labels = (resource, scope)
        telemetry.required.labels(*self._labels).set(required)
        telemetry.synced.labels(*self._labels).set(0)
        telemetry.malformed.labels(*self._labels)
        self._enter("syncing", "")

    def record_request(self, *, verb: str) -> None:
        """Records the start of a list or watch."""
        self._metrics.requests.labels(*self._labels, verb).inc()

    def record_list_mode(self, *, streamed: bool, reason: str = "") -> None:
        """Records how a list was read. `reason`: why it was not streamed; it applies until a list is streamed."""
        self._metrics.streamed.labels(*self._labels).set(streamed)
        if reason and not self.note:
            fields = {"resource": self.resource, "scope": self.scope, "detail": reason}
            _log.warning("Streamed lists fail, reading lists in pages", extra=fields)
        self.note = "" if streamed else reason or self.note

    def record_list(self, *, objects: int, watching: bool = True) -> None:
        """Records a complete list of `objects` objects. `watching`: whether the watch is expected to succeed."""
        self._metrics.synced.labels(*self._labels).set(1)
        self.pending = False
        self._record_contact()
        self.count(objects)
        if watching and self.state != "watching":
            self._enter("watching", plural(objects, "object"))

    def count(self, objects: int) -> None:
        """Sets the number of cached objects."""
        self.objects = objects
        self._objects.set(objects)

    def watching(self) -> None:
        """Records that a watch was accepted."""
        self._enter("watching", "the watch continued")

    def record_event(self, *, changed: int) -> None:
        """Records events of a watch. `changed` is the number of changed objects, 0 for a bookmark."""
        self._record_contact()
        if changed:
            self._last_event.set(self._metrics.clock())

    def record_expired(self, *, code: str) -> None:
        """Records a failed request after which a new list starts immediately. The state does not change."""
        self._metrics.errors.labels(*self._labels, code).inc()

    def record_failure(self, *, state: str, code: str, detail: str) -> None:
        """Records a failed request, which is retried."""
        self._metrics.errors.labels(*self._labels, code).inc()
        self.pending = self.pending and state not in {"missing", "forbidden"}
        if state != self.state:
            self._enter(state, detail)
        self.detail = detail

    def record_malformed(self) -> None:
        """Records an object with invalid fields."""
        self._metrics.malformed.labels(*self._labels).inc()

    def remove(self) -> None:
        """Removes its series: the list and watch has been stopped."""
        for metric in (
            *(self._metrics.state, self._metrics.required, self._metrics.synced),
            *(self._metrics.objects, self._metrics.not_granted),
            *(self._metrics.last_sync, self._metrics.last_event, self._metrics.streamed),
            *(self._metrics.requests, self._metrics.errors, self._metrics.malformed),
        ):
            metric.remove_by_labels({"resource": self.resource, "scope": self.scope})

    # Looked up once: this takes longer than setting the value, which is done at each event. A series must not exist
    # before it has a value.

    @functools.cached_property
    def _objects(self) -> Gauge:
        return self._metrics.objects.labels(*self._labels)

    @functools.cached_property
    def _last_sync(self) -> Gauge:
        return self._metrics.last_sync.labels(*self._labels)

    @functools.cached_property
    def _last_event(self) -> Gauge:
        return self._metrics.last_event.labels(*self._labels)

    def _record_contact(self) -> None:
        self.last_sync = self._metrics.clock()
        self._last_sync.set(self.last_sync)

    def _enter(self, state: str, detail: str) -> None:
        before, self.state, self.detail, self.since = self.state, state, detail, self._metrics.clock()
        if self._optional:
            self._metrics.not_granted.labels(*self._labels).set(state in {"missing", "forbidden"})
        for name in STATES:
            self._metrics.state.labels(*self._labels, name).set(name == state)
        if before:
            level = logging.INFO if state == "watching" else logging.WARNING
            fields = {
                "resource": self.resource,
                "scope": self.scope,
                "state": state,
                "was": before,
                "detail": detail,
            }
            _log.log(level, "Resource state changed", extra=fields)
