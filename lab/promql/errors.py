"""What can go wrong with an expression."""

__all__ = ["PromqlError", "UnsupportedError"]


class PromqlError(Exception):
    """The expression is not PromQL, or has no answer over these series, such as many-to-many matching."""


class UnsupportedError(PromqlError):
    """The expression uses a construct outside the part that is evaluated here; the text names it."""
