"""Splits a long list into slices, so that other tasks can run in between."""

import itertools
from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ["slices"]

T = TypeVar("T")

_SLICE = 256  # records; takes a few milliseconds


def slices(items: Iterable[T]) -> Iterator[list[T]]:
    """The items in lists of at most 256, in their order."""
    iterator = iter(items)
    while some := list(itertools.islice(iterator, _SLICE)):
        yield some
