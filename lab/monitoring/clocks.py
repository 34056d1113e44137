"""The waits of the rules, shortened: what takes minutes in production takes seconds in a test."""

import re

__all__ = ["faster"]

_FACTOR = 150
_SHORTEST = 2
_LIMIT = re.compile(r"([>+] )(180|300|600|900)\b")
_WINDOW = re.compile(r"(\[|\boffset )(?:(\d+)m)?(?:(\d+)s)?(?=\]|\s|\))")


def faster(expression: str) -> str:
    """An expression with limits, ranges and offsets of minutes made seconds; those of an hour and more stay.

    How old the exporter's data is stays as it is: bookmarks come once a minute, however fast the test.
    """
    if "last_sync_timestamp" in expression:
        return expression
    return _WINDOW.sub(_window, _LIMIT.sub(_limit, expression))


def _limit(found: re.Match[str]) -> str:
    return f"{found[1]}{int(found[2]) / _FACTOR:g}"


def _window(found: re.Match[str]) -> str:
    seconds = 60 * int(found[2] or 0) + int(found[3] or 0)
    return f"{found[1]}{max(_SHORTEST, seconds // _FACTOR)}s" if seconds else found[0]
