"""The fields that a profile reads, and their types."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from exporter.profiles.language import About, Profile, Source, Times, profile_workers
from exporter.profiles.paths import Path, parse
from exporter.profiles.sources import source_conditions, source_paths
from exporter.profiles.wire import ANY, LABEL, NUMBER, TEXT, TIME

__all__ = ["field_types"]

_TEXT_MAPPINGS: Final = ("labels", "annotations")


def field_types(profile: Profile, *, more: Iterable[str] = ()) -> dict[Path, Any]:
    """The type of each field. `more` are additional paths, read as text.

    Fields of state rules and conditions may have any type, so that a value of an unexpected type is not absent.
    """
    found: dict[Path, Any] = {}
    for path, kind in (*_fields(profile), *((parse(path), TEXT) for path in more)):
        before = found.get(path, kind)
        as_one = kind if before is kind else ANY if ANY in (before, kind) else TEXT
        found[path] = LABEL if path[0] == "metadata" and path[1] in _TEXT_MAPPINGS and as_one is not ANY else as_one
    return found


def _fields(profile: Profile) -> Iterator[tuple[Path, Any]]:
    about, times = profile.about or About(), profile.times or Times()
    for name in About.__struct_fields__:
        yield from _source_fields(getattr(about, name), NUMBER if name == "attempt" else TEXT)
    for name in Times.__struct_fields__:
        yield from _source_fields(getattr(times, name), TIME)
    if profile.delivers is not None:
        yield from _source_fields(profile.delivers.pull_request, TEXT)
        yield from _condition_fields(profile.delivers.when)
    for rule in profile.state:
        yield parse(rule.path), ANY
    for worker in profile_workers(profile):
        yield from _source_fields(worker.reported, TEXT)
        yield from _source_fields(worker.named, TEXT)
        yield from _condition_fields(worker.when)
    for conditions in (profile.only, profile.ready, profile.long_lived):
        yield from _condition_fields(conditions if isinstance(conditions, dict) else {})
    for path in profile.undecodable_when_empty or ():
        yield parse(path), TEXT


def _source_fields(source: Source, kind: Any) -> Iterator[tuple[Path, Any]]:
    for path in source_paths(source):
        yield path, kind
    yield from _condition_fields(source_conditions(source))


def _condition_fields(conditions: Iterable[str]) -> Iterator[tuple[Path, Any]]:
    for path in conditions:
        yield parse(path), ANY
