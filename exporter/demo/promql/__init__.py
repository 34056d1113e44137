"""The part of PromQL that the alert rules use, evaluated over the scrapes so far."""

from exporter.demo.promql.errors import PromqlError, UnsupportedError
from exporter.demo.promql.evaluator import evaluate, parse
from exporter.demo.promql.history import History
from exporter.demo.promql.vector import NAME, Key, Page, Sample, Vector, key, read_page

__all__ = [
    "NAME",
    "History",
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
