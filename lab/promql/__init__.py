"""Evaluates the part of PromQL that the alert rules use, over the scrapes so far."""

from lab.promql.errors import PromqlError, UnsupportedError
from lab.promql.evaluator import evaluate, parse
from lab.promql.history import History
from lab.promql.vector import NAME, Key, Page, Sample, Vector, key, read_page

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
