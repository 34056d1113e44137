"""Formats numbers like Grafana, approximately, for the images of the dashboards."""

import datetime as dt
import math

__all__ = ["COLORS", "written"]

COLORS = {
    "green": "#73bf69",
    "orange": "#ff9830",
    "red": "#f2495c",
    "blue": "#5794f2",
    "light-blue": "#8ab8ff",
    "purple": "#b877d9",
    "transparent": "none",
    "#6e7687": "#6e7687",
}
_TIMES = ((86400.0, "days"), (3600.0, "hours"), (60.0, "mins"), (1.0, "s"), (0.001, "ms"), (0.000001, "µs"))
_BYTES = ((1024.0**3, "GiB"), (1024.0**2, "MiB"), (1024.0, "KiB"), (1.0, "B"))
_SHORT = ((1e9, "Bil"), (1e6, "Mil"), (1e3, "K"), (1.0, ""))


def written(value: float, unit: str) -> str:
    """A value as text, in one of Grafana's units."""
    if math.isnan(value) or math.isinf(value):
        return "∞" if value > 0 else "-"
    if unit == "dateTimeAsIso":
        return f"{dt.datetime.fromtimestamp(value / 1000, tz=dt.UTC):%Y-%m-%d %H:%M:%S}"
    if unit == "dateTimeAsIsoNoDateIfToday":
        return f"{dt.datetime.fromtimestamp(value / 1000, tz=dt.UTC):%H:%M:%S}"
    if unit == "percentunit":
        return f"{value * 100:.0f}%"
    if unit == "dtdhms":
        return _clock(int(value))
    steps = {"s": _TIMES, "bytes": _BYTES}.get(unit, _SHORT)
    return _scale(value, steps) + (" req/s" if unit == "reqps" else "")


def _clock(seconds: int) -> str:
    if seconds < 0:
        return f"{_clock(-seconds)} ago"
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    text = f"{hours:02}:{rest // 60:02}:{rest % 60:02}"
    return f"{days} d {text}" if days else text


def _scale(value: float, steps: tuple[tuple[float, str], ...]) -> str:
    for size, name in steps:
        if abs(value) >= size:
            return f"{value / size:.3g} {name}".rstrip()
    return "0" if value == 0 else f"{value:.2g}"
