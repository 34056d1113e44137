"""Instant vectors: samples of one moment, and the page of a scrape that they are selected from."""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping

import prometheus_client.parser

from lab.promql.errors import PromqlError

__all__ = ["NAME", "Key", "Page", "Sample", "Vector", "distinct", "key", "read_page"]

NAME = "__name__"
Key = frozenset[tuple[str, str]]


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One series at one moment. `labels` holds the metric's name as `__name__` and never an empty value."""

    labels: Mapping[str, str]
    value: float

    @property
    def name(self) -> str:
        """The metric's name; "" for a computed value."""
        return self.labels.get(NAME, "")

    def get(self, label: str) -> str:
        """The label's value; one that is not there reads as "", as in every matcher of PromQL."""
        return self.labels.get(label, "")

    def without_name(self, value: float) -> "Sample":
        """The same series with a computed value, which is no longer that metric."""
        return Sample({label: text for label, text in self.labels.items() if label != NAME}, value)


Vector = list[Sample]


def key(labels: Mapping[str, str]) -> Key:
    """What makes two label sets the same: an empty value is no label."""
    return frozenset((label, text) for label, text in labels.items() if text)


def distinct(vector: Vector) -> Vector:
    """The vector as it is. Raises PromqlError if two of its elements have the same labels."""
    if len({key(sample.labels) for sample in vector}) < len(vector):
        raise PromqlError("vector cannot contain metrics with the same labelset")
    return vector


class Page:
    """The samples of one scrape, found by their metric's name."""

    def __init__(self, samples: Iterable[tuple[str, Mapping[str, str], float]] = ()) -> None:
        self._families: dict[str, Vector] = {}
        for name, labels, value in samples:
            self.add(name=name, labels=labels, value=value)

    def add(self, *, name: str, labels: Mapping[str, str], value: float) -> None:
        """Adds one sample. Labels without a value vanish, as they do when Prometheus scrapes them."""
        kept = {label: text for label, text in labels.items() if text}
        self._families.setdefault(name, []).append(Sample({NAME: name, **kept}, value))

    def family(self, name: str) -> Vector:
        """The series of one name."""
        return self._families.get(name, [])

    def __iter__(self) -> Iterator[Sample]:
        for family in self._families.values():
            yield from family


def read_page(text: str, *, target: Mapping[str, str]) -> Page:
    """The page as Prometheus stores it under `honor_labels: true`.

    `target` is what the scrape adds: `job` and `instance`. A label of the same name that the page itself has
    wins. The series `up` is added with the value 1. Raises ValueError for a page that is not in the text format.
    """
    page = Page([("up", target, 1.0)])
    for line in text.split("\n"):
        for name, labels, value in _read_line(line):
            page.add(name=name, labels={**target, **labels}, value=value)
    return page


@functools.lru_cache(maxsize=4096)
def _read_line(line: str) -> list[tuple[str, dict[str, str], float]]:
    """The sample of a line, if it has one. From one scrape to the next nearly all lines stay the same."""
    families = prometheus_client.parser.text_string_to_metric_families(line)
    return [(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]
