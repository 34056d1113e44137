"""Text of unknown origin, made safe to stand in one line."""

__all__ = ["printable"]


def printable(text: str) -> str:
    """With everything escaped that ends a line, moves a cursor, cannot be encoded, or may not stand in XML."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
