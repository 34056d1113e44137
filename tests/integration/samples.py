"""Samples of an exposition and samples that Prometheus has stored, in a form that can be compared."""

from collections.abc import Mapping
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

__all__ = ["Samples", "read", "stored"]

Samples = dict[frozenset[tuple[str, str]], float]
"""Values by labels, including `__name__`. Labels with an empty value are left out."""

# Series that Prometheus adds to each scrape (https://prometheus.io/docs/concepts/jobs_instances), and series
# whose value changes with every scrape.
_ADDED_BY_PROMETHEUS = ("scrape_", "up")
_CHANGING = ("process_", "python_", "coderun_exporter_scrape_duration_", "coderun_exporter_event_loop_")


def read(text: str, *, target: Mapping[str, str], restless: bool = False) -> Samples:
    """The samples of an exposition. `target` has the labels that the scrape adds if they are missing."""
    return _samples(
        [
            ({"__name__": sample.name, **target, **sample.labels}, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ],
        restless=restless,
    )


def stored(vector: list[dict[str, Any]], *, restless: bool = False) -> Samples:
    """The samples of an instant query."""
    pairs = [(each["metric"], float(each["value"][1])) for each in vector]
    return _samples(
        [pair for pair in pairs if not pair[0]["__name__"].startswith(_ADDED_BY_PROMETHEUS)], restless=restless
    )


def _samples(pairs: list[tuple[Mapping[str, str], float]], *, restless: bool) -> Samples:
    """Raises AssertionError if two series have the same labels."""
    kept = [(labels, value) for labels, value in pairs if restless or not labels["__name__"].startswith(_CHANGING)]
    samples = {frozenset((name, text) for name, text in labels.items() if text): value for labels, value in kept}
    assert len(samples) == len(kept)
    return samples
