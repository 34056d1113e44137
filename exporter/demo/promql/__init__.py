"""The part of PromQL that the alert rules speak: instant vectors, evaluated over one scrape."""

from exporter.demo.promql.errors import PromqlError, UnsupportedError
from exporter.demo.promql.evaluator import evaluate, parse
from exporter.demo.promql.vector import NAME, Key, Page, Sample, Vector, key, read_page

__all__ = [
    "NAME",
    "Key",
    "Page",
    "PromqlError",
    "Sample",
    "UnsupportedError",
    "Vector",
    "evaluate",
    "key",
    "parse",
    "read_page",
]
