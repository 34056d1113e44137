"""The error of `explain`."""

__all__ = ["ExplainError"]


class ExplainError(Exception):
    """A run cannot be found or read. The message is one line."""
