"""Errors of expressions."""

__all__ = ["PromqlError", "UnsupportedError"]


class PromqlError(Exception):
    """The expression is not PromQL, or cannot be evaluated, such as many-to-many matching."""


class UnsupportedError(PromqlError):
    """The expression uses a construct that is not supported here; the text names it."""
