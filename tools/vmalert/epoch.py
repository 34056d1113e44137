"""Moves times from the start of a promtool test, in 1970, to the start of a vmalert-tool test, in 2000."""

import datetime as dt
import re

__all__ = ["SECONDS", "is_time", "shift_dates", "shift_values"]

START = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
SECONDS = int(START.timestamp())

_TIME_METRIC = re.compile(r"[\w:]+(_timestamp|_timestamp_seconds|_start_time|_start_time_seconds)(?![\w:])")
_DATE = re.compile(r"19\d\d-\d\d-\d\d \d\d:\d\d:\d\d")
_NUMBER = re.compile(r"(?P<first>-?\d+(?:\.\d+)?)(?P<rest>[-+x].*)?")


def is_time(series: str) -> bool:
    """Whether the values of a series are Unix times, by the name of its metric."""
    return bool(_TIME_METRIC.match(series))


def shift_values(values: str) -> str:
    """Moves the values of a series of Unix times: `0x9 300+60x4 _` becomes `946684800x9 946685100+60x4 _`."""
    return " ".join(_shift_value(item) for item in values.split())


def shift_dates(text: str) -> str:
    """Moves the dates in an expected annotation."""
    return _DATE.sub(lambda found: _shift_date(found[0]), text)


def _shift_value(item: str) -> str:
    number = _NUMBER.fullmatch(item)
    if number is None:  # _, _x4, stale, Inf
        return item
    first = number["first"]
    moved = float(first) + SECONDS if "." in first else int(first) + SECONDS
    return f"{moved}{number['rest'] or ''}"


def _shift_date(date: str) -> str:
    """The date, moved from 1970 to 2000."""
    before = dt.datetime.fromisoformat(f"{date}+00:00")
    return (before + dt.timedelta(seconds=SECONDS)).strftime("%Y-%m-%d %H:%M:%S")
