"""How much memory all answers of the API server together may take.

A list grows with the cluster, and a broken or hostile server sends without end. What is held of an answer counts from
its first byte to its last use; what would pass the budget is an error, so that the exporter is not killed for it.
"""

import contextlib
from collections.abc import Iterator

from exporter.kube.errors import TooLargeError

__all__ = ["Budget", "Share"]

_DEFAULT_BYTES = 256 << 20


class Budget:
    """`most` bytes for all requests of a client; `reason` says in an error where that number comes from."""

    def __init__(self, *, most: int = _DEFAULT_BYTES, reason: str = "the default") -> None:
        self.most = most
        self.reason = reason
        self.used = 0

    @contextlib.contextmanager
    def share(self, path: str) -> Iterator["Share"]:
        """What one request holds. It is given back at the end."""
        share = Share(self, path)
        try:
            yield share
        finally:
            share.hold(0)


class Share:
    """The part of a budget that one request has."""

    def __init__(self, budget: Budget, path: str) -> None:
        self._budget = budget
        self._path = path
        self._held = 0

    def hold(self, size: int) -> None:
        """The request holds so many bytes now. Raises TooLargeError if that is too much."""
        self.add(size - self._held)

    def add(self, size: int) -> None:
        """The request holds so many bytes more. Raises TooLargeError if that is too much."""
        budget = self._budget
        if size > 0 and budget.used + size > budget.most:
            raise TooLargeError(
                f"the response at {self._path} is too large: all responses together may use {budget.most >> 20} MiB "
                f"({budget.reason}); raise the memory limit, or read less with namespaces or label_selector",
                code="too_large",
            )
        budget.used += size
        self._held += size
