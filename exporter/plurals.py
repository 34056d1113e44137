"""Numbers of things, for people."""

__all__ = ["plural"]


def plural(number: int, noun: str) -> str:
    """The number and the noun: `1 key`, `2 keys`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
