"""Example logs: `.log` files are answers of pods/log with time stamps, `.cri` files are of the container runtime.

`lines/INDEX.tsv` has the evidence of each, and every field of its report that is not the default. Times are seconds
after `START`.
"""

import datetime as dt
import json
import pathlib
import re

import msgspec

from exporter.log_formats import Line, LogReader, LogReport, shipped_formats

LINES = pathlib.Path(__file__).parent / "lines"
START = dt.datetime(2026, 11, 29, 10, tzinfo=dt.UTC).timestamp()
INDEX = {
    name: (evidence, json.loads(expected))
    for name, evidence, expected in (row.split("\t") for row in (LINES / "INDEX.tsv").read_text().splitlines()[1:])
}
TIMES = ("first_line", "last_line", "last_word")
_STAMPED = re.compile(rb"(\S+)\.\d{9}Z ?(.*)", re.DOTALL)


def lines_of(name):
    """The lines of an example."""
    rows = (LINES / name).read_bytes().split(b"\n")
    if name.endswith(".cri"):
        return list(_joined(rows))
    stamped = filter(None, map(_STAMPED.fullmatch, rows))  # a line without a stamp is the kubelet's
    return [Line(_time(match[1]), match[2]) for match in stamped]


def _joined(rows):
    """Joins fragments as the kubelet does: up to the next full line, of either stream."""
    whole, first = b"", None
    for row in filter(None, rows):
        stamp, _, tag, text = row.split(b" ", 3)
        whole, first = whole + text, first or stamp
        if tag == b"F":
            yield Line(_time(first[:19]), whole)
            whole, first = b"", None


def _time(stamp):
    return dt.datetime.fromisoformat(stamp.decode()[:19]).replace(tzinfo=dt.UTC).timestamp()


def shorten(line, *, most=8192):
    """A long line as the poller gives it."""
    if len(line.text) <= most:
        return line
    return Line(line.time, line.text[:4096] + b"\n" + line.text[-4096:], cut=True)


def read(lines, *, expected="", formats=None):
    """The report of these lines."""
    reader = LogReader(formats or shipped_formats(), expected=expected)
    reader.feed(lines)
    return reader.report


def report_of(*texts, expected="", formats=None):
    """The report of these texts or objects, one line each second from 1 s on."""
    rows = [text if isinstance(text, bytes | str) else json.dumps(text) for text in texts]
    return read(
        [
            Line(float(second), row if isinstance(row, bytes) else row.encode())
            for second, row in enumerate(rows, start=1)
        ],
        expected=expected,
        formats=formats,
    )


def facts(report):
    """The fields of a report that are not the default, with times after `START`."""
    given, default = (msgspec.structs.asdict(one) for one in (report, LogReport()))
    return {
        name: value - START if name in TIMES else value for name, value in given.items() if value != default[name]
    }
