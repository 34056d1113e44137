"""The error of `explain`: a run cannot be found or read."""

__all__ = ["ExplainError"]


class ExplainError(Exception):
    """The message is one line."""
