"""Stores the samples of scrapes as Prometheus would, and formats them for promtool.

Source of the notation: "Unit testing for rules" in Prometheus' documentation ("Series").
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families

__all__ = ["JOB", "Recorder"]

JOB = "coderun-exporter"
_OWN = frozenset({"process_start_time_seconds", "process_cpu_seconds_total"})


@dataclasses.dataclass(slots=True)
class _Series:
    """A series as sequences of equal values: [value, first scrape, last scrape]."""

    spans: list[list[float]]


class Recorder:
    """Stores the series of some metrics, scrape by scrape. The first scrape is number 0."""

    def __init__(self, *, metrics: Iterable[str]) -> None:
        self._wanted = frozenset(metrics)
        self._series: dict[str, _Series] = {}
        self._names: dict[tuple[str, str], str | None] = {}
        self._since: dict[tuple[str, float], int] = {}
        self.scrapes = 0

    def scrape(self, responses: Mapping[str, str | None], *, started: Mapping[str, float]) -> None:
        """Stores a scrape of all targets: the response by instance, or None if a target does not respond.

        All exporters run in this process. So the start time of each is taken from `started`, and its CPU seconds are
        simulated.
        """
        for instance, exposition in responses.items():
            self._add(f'up{{job="{JOB}",instance="{instance}"}}', 0 if exposition is None else 1)
            if exposition is not None:
                since = self._since.setdefault((instance, started[instance]), self.scrapes)
                target = f'{{job="{JOB}",instance="{instance}"}}'
                self._add(f"process_start_time_seconds{target}", started[instance])
                self._add(f"process_cpu_seconds_total{target}", 1 + self.scrapes - since)
                self._add_samples(exposition, instance)
        self.scrapes += 1

    def again(self) -> None:
        """Repeats the previous scrape."""
        for series in self._series.values():
            if series.spans[-1][2] == self.scrapes - 1:
                series.spans[-1][2] = self.scrapes
        self.scrapes += 1

    def lines(self, *, first: int, last: int) -> Iterator[tuple[str, str]]:
        """Each series with a sample between two scrapes (inclusive), and its values in the notation of promtool."""
        for name, series in self._series.items():
            spans = [span for span in series.spans if span[2] >= first and span[1] <= last]
            if spans:
                yield name, _values(spans, first=first, last=last)

    def forget(self, *, before: int) -> None:
        """Drops the samples before the scrape `before`, except for values that did not change since."""
        for name, series in list(self._series.items()):
            series.spans = [span for span in series.spans if span[2] >= before]
            if not series.spans:
                del self._series[name]
        self._names.clear()

    def _add_samples(self, exposition: str, instance: str) -> None:
        for line in exposition.splitlines():
            if line.startswith("#"):
                continue
            sample, _, value = line.rpartition(" ")
            key = sample, instance
            if key not in self._names:
                self._names[key] = self._name(line, instance)
            name = self._names[key]
            if name is not None:
                self._add(name, float(value))

    def _name(self, line: str, instance: str) -> str | None:
        """The series as Prometheus stores it with `honor_labels: true`; None if no rule selects it."""
        (family,) = text_string_to_metric_families(line)
        (sample,) = family.samples
        if sample.name not in self._wanted or sample.name in _OWN:
            return None
        labels = {"job": JOB, "instance": instance} | sample.labels
        pairs = ",".join(f'{label}="{_escape(text)}"' for label, text in labels.items() if text)
        return f"{sample.name}{{{pairs}}}"

    def _add(self, name: str, value: float) -> None:
        series = self._series.setdefault(name, _Series([]))
        spans = series.spans
        if spans and spans[-1][2] == self.scrapes - 1 and spans[-1][0] == value:
            spans[-1][2] = self.scrapes
        else:
            spans.append([value, self.scrapes, self.scrapes])


def _values(spans: list[list[float]], *, first: int, last: int) -> str:
    """Values in promtool's notation: `_x3 1x9 stale` is three missing samples, ten samples of 1, and a stale mark."""
    words: list[str] = []
    at = first
    for value, begin, end in spans:
        begin, end = max(int(begin), first), min(int(end), last)  # noqa: PLW2901 - cut to the window
        if begin > at:
            if words:
                words.append("stale")
                at += 1
            if begin > at:
                words.append(f"_x{begin - at}")
        words.append(f"{_number(value)}x{end - begin}")
        at = end + 1
    if at <= last:
        words.append("stale")
    return " ".join(words)


def _number(value: float) -> str:
    if math.isinf(value):
        return "Inf+0" if value > 0 else "-Inf+0"
    return repr(int(value)) if value == int(value) else repr(value)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
