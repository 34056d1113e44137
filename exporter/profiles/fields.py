"""Which fields a profile reads, and as what."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from exporter.profiles.language import STATE_NAMES, About, Profile, Source, Times, Value, workers_of
from exporter.profiles.paths import Path, parse
from exporter.profiles.sources import conditions_of, paths_of
from exporter.profiles.wire import ANY, LABEL, NUMBER, TEXT, TIME

__all__ = ["types_of"]

_PRESENCE: Final = {"present", "absent"}


def types_of(profile: Profile, *, more: Iterable[str] = ()) -> dict[Path, Any]:
    """The type of each field; text, where it is read in several ways. `more` are paths that are read besides."""
    found: dict[Path, Any] = {}
    for path, kind in (*_fields(profile), *((parse(shown), TEXT) for shown in more)):
        as_one = kind if found.get(path, kind) is kind else TEXT
        found[path] = LABEL if path[0] == "metadata" and as_one is TEXT else as_one
    return found


def _fields(profile: Profile) -> Iterator[tuple[Path, Any]]:
    about, times = profile.about or About(), profile.times or Times()
    for name in About.__struct_fields__:
        yield from _of_source(getattr(about, name), NUMBER if name == "attempt" else TEXT)
    for name in Times.__struct_fields__:
        yield from _of_source(getattr(times, name), TIME)
    for rule in profile.state:
        yield parse(rule.path), _kind_of([value for name in STATE_NAMES for value in getattr(rule, name)])
    for worker in workers_of(profile):
        yield from _of_source(worker.reported, TEXT)
        yield from _of_conditions(worker.when)
    yield from _of_conditions(profile.only or {})
    for shown in profile.undecodable_when_empty or ():
        yield parse(shown), TEXT


def _of_source(source: Source, kind: Any) -> Iterator[tuple[Path, Any]]:
    for path in paths_of(source):
        yield path, kind
    yield from _of_conditions(conditions_of(source))


def _of_conditions(wanted: Mapping[str, Sequence[Value]]) -> Iterator[tuple[Path, Any]]:
    for shown, values in wanted.items():
        yield parse(shown), _kind_of(values)


def _kind_of(values: Sequence[Value]) -> Any:
    """Of a field whose value is one of these: anything, where only its presence matters."""
    return ANY if _PRESENCE.issuperset(values) else TEXT
