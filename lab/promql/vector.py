"""Instant vectors, and the samples of a scrape from which they are selected."""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping

import prometheus_client.parser

from lab.promql.errors import PromqlError

__all__ = ["NAME", "Key", "Sample", "Scrape", "Vector", "distinct", "key", "parse_scrape"]

NAME = "__name__"
Key = frozenset[tuple[str, str]]


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One series at one time. `labels` contains the metric name as `__name__`, and never an empty value."""

    labels: Mapping[str, str]
    value: float

    @property
    def name(self) -> str:
        """The metric name; "" for a computed value."""
        return self.labels.get(NAME, "")

    def get(self, label: str) -> str:
        """The value of the label; "" if it is missing, as in PromQL matchers."""
        return self.labels.get(label, "")

    def without_name(self, value: float) -> "Sample":
        """The same series with a computed value, and so without a metric name."""
        return Sample({label: text for label, text in self.labels.items() if label != NAME}, value)


Vector = list[Sample]


def key(labels: Mapping[str, str]) -> Key:
    """A key for equal label sets: an empty value is equal to a missing label."""
    return frozenset((label, text) for label, text in labels.items() if text)


def distinct(vector: Vector) -> Vector:
    """Returns the vector. Raises PromqlError if two of its elements have the same labels."""
    if len({key(sample.labels) for sample in vector}) < len(vector):
        raise PromqlError("vector cannot contain metrics with the same labelset")
    return vector


class Scrape:
    """A scrape: its samples by metric name."""

    def __init__(self, samples: Iterable[tuple[str, Mapping[str, str], float]] = ()) -> None:
        self._families: dict[str, Vector] = {}
        for name, labels, value in samples:
            self.add(name=name, labels=labels, value=value)

    def add(self, *, name: str, labels: Mapping[str, str], value: float) -> None:
        """Adds one sample. Labels with empty values are dropped, as in Prometheus."""
        kept = {label: text for label, text in labels.items() if text}
        self._families.setdefault(name, []).append(Sample({NAME: name, **kept}, value))

    def family(self, name: str) -> Vector:
        """The series of a metric name."""
        return self._families.get(name, [])

    def __iter__(self) -> Iterator[Sample]:
        for family in self._families.values():
            yield from family


def parse_scrape(text: str, *, target: Mapping[str, str]) -> Scrape:
    """The samples as Prometheus stores them with `honor_labels: true`.

    `target` are the labels of the target: `job` and `instance`. Labels of the scraped series take precedence. Adds
    the series `up` with the value 1. Raises ValueError for a text that is not in the text format.
    """
    scrape = Scrape([("up", target, 1.0)])
    for line in text.split("\n"):
        for name, labels, value in _read_line(line):
            scrape.add(name=name, labels={**target, **labels}, value=value)
    return scrape


@functools.lru_cache(maxsize=4096)
def _read_line(line: str) -> list[tuple[str, dict[str, str], float]]:
    """The sample of a line, if any. Cached, because most lines do not change between two scrapes."""
    families = prometheus_client.parser.text_string_to_metric_families(line)
    return [(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]
