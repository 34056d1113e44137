"""Limits the memory of all responses of the API server together.

Lists grow with the cluster, and a faulty or hostile server may send without end. A response uses
the budget until the exporter has processed it. If the budget is exceeded, the request fails, so that the exporter is
not OOM-killed.
"""

import contextlib
from collections.abc import Iterator

from exporter.kube.errors import TooLargeError

__all__ = ["Budget", "Share"]

_DEFAULT_BYTES = 256 << 20


class Budget:
    """At most `max_bytes` bytes for all requests of a client. Errors give `reason` as the origin of the limit."""

    def __init__(self, *, max_bytes: int = _DEFAULT_BYTES, reason: str = "the default") -> None:
        self.max_bytes = max_bytes
        self.reason = reason
        self.used = 0

    @contextlib.contextmanager
    def share(self, path: str) -> Iterator["Share"]:
        """The share of one request, which is released when the context exits."""
        share = Share(self, path)
        try:
            yield share
        finally:
            share.hold(0)


class Share:
    """The bytes of the budget that one request uses."""

    def __init__(self, budget: Budget, path: str) -> None:
        self._budget = budget
        self._path = path
        self._held = 0

    def hold(self, size: int) -> None:
        """Sets the number of bytes that the request uses. Raises TooLargeError if it exceeds the budget."""
        self.add(size - self._held)

    def add(self, size: int) -> None:
        """Adds to the number of bytes that the request uses. Raises TooLargeError if it exceeds the budget."""
        budget = self._budget
        if size > 0 and budget.used + size > budget.max_bytes:
            raise TooLargeError(
                f"the response at {self._path} is too large: all responses together may use "
                f"{budget.max_bytes >> 20} MiB ({budget.reason}); raise the memory limit, or read less with "
                "namespaces or label_selector",
                code="too_large",
            )
        budget.used += size
        self._held += size
