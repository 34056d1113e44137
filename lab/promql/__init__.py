"""Evaluates the part of PromQL that the alert rules use, over the scrapes so far."""

from lab.promql.errors import PromqlError, UnsupportedError
from lab.promql.evaluator import evaluate, parse
from lab.promql.history import History
from lab.promql.vector import NAME, Key, Sample, Scrape, Vector, key, parse_scrape

__all__ = [
    "NAME",
    "History",
    "Key",
    "PromqlError",
    "Sample",
    "Scrape",
    "UnsupportedError",
    "Vector",
    "evaluate",
    "key",
    "parse",
    "parse_scrape",
]
