"""Counts the runs with a value at each path of a profile, and the values that no state rule lists."""

import collections
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from exporter.checks.finding import HEALTHY, NOTE, Finding
from exporter.checks.keys import paths_in
from exporter.kube.decode import Decoder
from exporter.plurals import plural
from exporter.profiles import Profile
from exporter.profiles.fields import field_types
from exporter.profiles.paths import format_path, parse
from exporter.profiles.sources import text_or_present
from exporter.resources.kinds import RunKind
from exporter.untrusted import one_line, redact_message

__all__ = ["ValueReader", "Values", "value_findings"]

_KEY: Final = re.compile(r"(?:about|times|worker(?:\[\d+\])?)\.\w+|\w+")
_WORKER_KEY: Final = re.compile(r"worker(\[\d+\])?\.about\.")
_MAX_LENGTH: Final = 63
_MAX_VALUES: Final = 10  # of one path
_MIN_RUNS: Final = 3  # runs; with fewer, all may be too new to have a status


class Values(NamedTuple):
    """The values of one run: a bit for each path that has a value, and a value that no rule lists, with its path."""

    has: int
    path: str = ""
    value: str = ""


class ValueReader:
    """Reads the values of the runs of one kind."""

    def __init__(self, kind: RunKind) -> None:
        reader = kind.reader
        self.paths = [format_path(path) for path in field_types(kind.profile)]
        self.states = list(dict.fromkeys(map(format_path, reader.states)))
        self.keys = _keys(kind.profile)
        self._reader, self._decoder = reader, Decoder(reader.type)
        self._at = [reader.index[path] for path in field_types(kind.profile)]
        self._states = [(format_path(path), reader.index[path]) for path in reader.states]

    def __call__(self, raw: msgspec.Raw) -> Values | None:
        """The values of an object; None if it is not a run."""
        values = self._reader.values(self._decoder.decode(raw)[0])
        if self._reader.is_run is not None and not self._reader.is_run(values):
            return None
        has = sum(1 << number for number, at in enumerate(self._at) if text_or_present(values[at]))
        if self._reader.state(values).label != "other":
            return Values(has)
        path, value = next((path, value) for path, at in self._states if (value := text_or_present(values[at])))
        return Values(has, path, value[: _MAX_LENGTH + 1])


def value_findings(title: str, reader: ValueReader, seen: Sequence[Values | None]) -> list[Finding]:
    """A finding about all paths, and one for each path with a value that no rule lists."""
    runs = [each for each in seen if each is not None]
    if not runs:
        return []
    counts = {path: sum(run.has >> number & 1 for run in runs) for number, path in enumerate(reader.paths)}
    findings = [_paths_finding(title, reader.keys, counts, len(runs))]
    if reader.states and len(runs) >= _MIN_RUNS and not any(counts[path] for path in reader.states):
        which = "which decides" if len(reader.states) == 1 else "which decide"
        text = f"no run has a value at {' or '.join(reader.states)}, {which} the state: check the profile"
        findings.append(Finding(status=NOTE, subject=title, text=text))
    unlisted: dict[str, collections.Counter[str]] = {}
    for run in runs:
        if run.path:
            unlisted.setdefault(run.path, collections.Counter())[run.value] += 1
    return [
        *findings,
        *(_unlisted_finding(title, path, counts[path], runs, found) for path, found in unlisted.items()),
    ]


def _paths_finding(title: str, keys: Mapping[str, Sequence[str]], counts: Mapping[str, int], runs: int) -> Finding:
    """Paths without a value are only counted if another path of the same key has a value."""
    everywhere = sum(number == runs for number in counts.values())
    some = [f"{path} {number}" for path, number in counts.items() if 0 < number < runs]
    none = {key: paths for key, paths in keys.items() if paths and not any(counts[path] for path in paths)}
    named = {path for paths in none.values() for path in paths}
    others = sum(not number and path not in named for path, number in counts.items())
    text = (
        f"of {plural(len(counts), 'path')}, {everywhere} with a value in {'all ' * (runs > 1)}{plural(runs, 'run')}"
    )
    text += f"; in some: {', '.join(some)}" if some else ""
    text += f"; alternatives without a value: {others}" if others else ""
    text += f"; no value: {', '.join(f'{key} ({_join(paths)})' for key, paths in none.items())}" if none else ""
    return Finding(
        status=HEALTHY, subject=f"profile of {title}", text=text, data={"runs": runs, "paths": dict(counts)}
    )


def _join(paths: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(paths))


def _keys(profile: Profile) -> dict[str, list[str]]:
    """The paths of each key, such as `about.agent`, that are read from the run itself."""
    keys: dict[str, list[str]] = {}
    for key, path in paths_in(profile):
        match = _KEY.match(key)
        if match and not _WORKER_KEY.match(key):
            keys.setdefault(match[0], []).append(format_path(parse(path)))
    return keys


def _unlisted_finding(
    title: str, path: str, number: int, runs: Sequence[Values], found: "collections.Counter[str]"
) -> Finding:
    most = found.most_common(_MAX_VALUES)
    values = ", ".join(f"{_quote(value)} ({plural(count, 'run')})" for value, count in most)
    values += f" and {len(found) - len(most)} more" if len(found) > len(most) else ""
    have, are = "has" if number == 1 else "have", "is" if len(found) == 1 else "are"
    text = (
        f"{path}: {number} of {plural(len(runs), 'run')} {have} a value; {values} {are} not in any state rule:"
        " state open"
    )
    data = {"path": path, "unlisted": {_sanitize(value): count for value, count in most}}
    return Finding(status=NOTE, subject=title, text=text, data=data)


def _sanitize(value: str) -> str:
    """Truncates a value and removes credentials."""
    cut = value[:_MAX_LENGTH]
    clean = redact_message(cut)
    return (cut if clean == one_line(cut) else clean) + "..." * (len(value) > _MAX_LENGTH)


def _quote(value: str) -> str:
    """Quotes a value and escapes invisible characters."""
    return repr(_sanitize(value))
