"""A page as Prometheus stores it, and what Prometheus has stored, in one form that can be compared."""

from collections.abc import Mapping
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

__all__ = ["Samples", "read", "stored"]

Samples = dict[frozenset[tuple[str, str]], float]
"""Values by labels, `__name__` among them. A label without a value is no label."""

# What Prometheus says of each scrape (https://prometheus.io/docs/concepts/jobs_instances), and what is another
# number at every scrape.
_OF_THE_SCRAPE = ("scrape_", "up")
_RESTLESS = ("process_", "python_", "coderun_exporter_scrape_duration_", "coderun_exporter_event_loop_")


def read(page: str, *, target: Mapping[str, str], restless: bool = False) -> Samples:
    """A page in the text format. `target` is what the scrape adds where the page has no such label itself."""
    return _samples(
        [
            ({"__name__": sample.name, **target, **sample.labels}, sample.value)
            for family in text_string_to_metric_families(page)
            for sample in family.samples
        ],
        restless=restless,
    )


def stored(vector: list[dict[str, Any]], *, restless: bool = False) -> Samples:
    """The vector of an instant query."""
    pairs = [(each["metric"], float(each["value"][1])) for each in vector]
    return _samples([pair for pair in pairs if not pair[0]["__name__"].startswith(_OF_THE_SCRAPE)], restless=restless)


def _samples(pairs: list[tuple[Mapping[str, str], float]], *, restless: bool) -> Samples:
    """Raises an AssertionError for a series that is there twice."""
    wanted = [(labels, value) for labels, value in pairs if restless or not labels["__name__"].startswith(_RESTLESS)]
    samples = {frozenset((name, text) for name, text in labels.items() if text): value for labels, value in wanted}
    assert len(samples) == len(wanted)
    return samples
