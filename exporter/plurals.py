"""Formats counts."""

__all__ = ["plural"]


def plural(number: int, noun: str) -> str:
    """The number with the singular or plural noun: `1 key`, `2 keys`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}{'es' if noun.endswith(('s', 'x', 'ch')) else 's'}"
