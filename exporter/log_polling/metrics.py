"""The metrics of reading logs. They are registered only if logs are read."""

from collections import Counter
from collections.abc import Mapping

import prometheus_client
from prometheus_client import CollectorRegistry, Gauge

from exporter.log_polling.states import BETWEEN, START, STATES, UNREADABLE

__all__ = ["LogMetrics"]


class LogMetrics:
    """Counts containers by state, requests, and what is missing or ignored."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.states: Counter[str] = Counter(dict.fromkeys(STATES, 0))
        """The number of containers by the state of their last read."""
        self._containers = Gauge(
            "coderun_exporter_log_containers",
            "Number of containers whose logs are read, by the state of the last read.",
            ["state"],
            registry=registry,
        )
        self._namespaces = Gauge(
            "coderun_exporter_log_unreadable_namespaces",
            "Number of namespaces in which no log can be read, by the state of the last read.",
            ["state"],
            registry=registry,
        )
        self.requests = prometheus_client.Counter(
            "coderun_exporter_log_requests",
            "Number of requests for logs, by HTTP status or kind of error.",
            ["code"],
            registry=registry,
        )
        self.gaps = prometheus_client.Counter(
            "coderun_exporter_log_gaps",
            "Number of reads that may have missed preceding lines: at the first read of a container (start), "
            "or since the previous read (between). Turns, tokens and cost may then be too low.",
            ["at"],
            registry=registry,
        )
        self.unstamped = prometheus_client.Counter(
            "coderun_exporter_log_unstamped_lines",
            "Number of lines without time stamp, such as messages of the kubelet. They are ignored.",
            registry=registry,
        )
        self.unread = prometheus_client.Counter(
            "coderun_exporter_log_unread_lines",
            "Number of JSON lines that look like an agent's and that the log's format does not describe, by format, "
            "which is empty if no format reads the log.",
            ["format"],
            registry=registry,
        )
        for at in (START, BETWEEN):
            self.gaps.labels(at)
        for state in STATES:
            self._containers.labels(state)
        self.set_unreadable(dict.fromkeys(UNREADABLE, 0))

    def change(self, old: str, new: str) -> None:
        """A container has another state; empty: it is not read, or has not been read yet."""
        for state, number in ((old, -1), (new, 1)):
            if state:
                self.states[state] += number
                self._containers.labels(state).set(self.states[state])

    def set_unreadable(self, namespaces: Mapping[str, int]) -> None:
        """Sets the number of namespaces by state."""
        for state, number in namespaces.items():
            self._namespaces.labels(state).set(number)
