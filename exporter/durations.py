"""Parses durations in the format of Prometheus (`90s`, `1h30m`), and numbers of seconds. Formats short ones."""

import math
import re

__all__ = ["parse_duration", "short"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
# At most twelve digits, so that no float becomes infinite and int() is fast.
_FORM = re.compile(r"(?:[0-9]{1,12}(?:ms|[smhdwy]))+")
_PART = re.compile(r"([0-9]+)(ms|[smhdwy])")
_PLAIN = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")


def parse_duration(text: str) -> float:
    """The duration in seconds; `none` is infinite (no limit). Raises ValueError with a message for the user."""
    text = text.strip()
    if text == "none":
        return float("inf")
    if _FORM.fullmatch(text):
        return sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(text))
    if _PLAIN.fullmatch(text):
        return float(text)
    raise ValueError(f"{text[:40]!r} is not a duration: use 600, 90s, 1h30m, 2d, or none")


def short(seconds: float, *, gap: str = "") -> str:
    """`45s`, `25m`, `2h5m`, `3d4h`, as kubectl prints ages. `gap` is between the two parts."""
    if not math.isfinite(seconds):
        return "none"
    for large, small, names in ((86400, 3600, "dh"), (3600, 60, "hm")):
        if seconds >= large:
            rest = int(seconds % large // small)
            return f"{int(seconds // large)}{names[0]}" + (f"{gap}{rest}{names[1]}" if rest else "")
    return f"{int(seconds // 60)}m" if seconds >= 60 else f"{max(0, int(seconds))}s"  # noqa: PLR2004 - of a minute
