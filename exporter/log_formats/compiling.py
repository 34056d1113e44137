"""Compiles log formats to functions of a line, and finds the event of a line."""

import contextlib
import dataclasses
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from exporter.log_formats.amounts import ReadAmount, amount_paths, compile_amounts
from exporter.log_formats.classes import ClassOf, Words, compile_classes
from exporter.log_formats.language import ErrorSource, Event, Format
from exporter.log_formats.patterns import compile_pattern
from exporter.log_formats.values import Condition, Path, condition, parse_path

__all__ = ["CompiledEvent", "CompiledFormat", "FormatError", "compile_format"]

_CLASSES: Final = ("error", "failure", "hint", "retrying")
_AMOUNTS: Final = ("cost", "turns", "tokens_input", "tokens_cached", "tokens_output")


class FormatError(ValueError):
    """An invalid log format. The message is one line; `key` is the location, such as `events[0].when`, or empty."""

    def __init__(self, message: str, *, key: str = "") -> None:
        super().__init__(message)
        self.key = key


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class CompiledEvent:
    """An event of the language. `holds` matches JSON objects, `patterns` text lines."""

    event: Event
    holds: Condition | None
    patterns: tuple[re.Pattern[str], ...]
    succeeds: Condition | None
    """For a last word with conditions."""
    error: ClassOf | None
    failure: ClassOf | None
    hint: ClassOf | None
    retrying: ClassOf | None
    amounts: Mapping[str, ReadAmount]

    def match(self, text: str) -> dict[str, Any] | None:
        """The placeholders of a text line; None if it does not match."""
        for pattern in self.patterns:
            if found := pattern.fullmatch(text):
                return found.groupdict()
        return None


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class CompiledFormat:
    """A format of the language."""

    format: Format
    session: Path
    signs: tuple[Condition, ...]
    """Objects that only this CLI prints."""
    json_events: tuple[CompiledEvent, ...]
    text_events: tuple[CompiledEvent, ...]

    @property
    def has_last_words(self) -> bool:
        """Whether a JSON object of it is a last word."""
        return any(one.event.last_word is not None for one in self.json_events)

    def event(self, found: Mapping[str, Any]) -> CompiledEvent | None:
        """The first event that matches an object."""
        return next((one for one in self.json_events if one.holds is not None and one.holds(found)), None)

    def ending(self, tail: Mapping[str, Any]) -> CompiledEvent | None:
        """The event of a line of which only the end could be read."""
        return next((one for one in self.json_events if one.event.tail and set(one.event.tail) <= tail.keys()), None)


def compile_format(given: Format, words: Words) -> CompiledFormat:
    """Raises FormatError."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", given.name):
        raise FormatError(f"{given.name[:40]!r} is not a name: a-z, 0-9, - and _", key="name")
    with _at("session"):
        session = parse_path(given.session) if given.session else ()
    signs = []
    for index, sign in enumerate(given.signs):
        with _at(f"signs[{index}]"):
            signs.append(condition(sign))
    events = [_compile_event(event, words, key=f"events[{index}]") for index, event in enumerate(given.events)]
    return CompiledFormat(
        format=given,
        session=session,
        signs=tuple(signs),
        json_events=tuple(one for one in events if one.holds is not None),
        text_events=tuple(one for one in events if one.patterns),
    )


def _compile_event(event: Event, words: Words, *, key: str) -> CompiledEvent:
    texts = (event.text,) if isinstance(event.text, str) else event.text
    if bool(event.when) == bool(texts):
        raise FormatError("an event needs one of the keys when and text", key=key)
    with _at(f"{key}.when"):
        holds = condition(event.when) if event.when else None
    with _at(f"{key}.text"):
        patterns = tuple(compile_pattern(text) for text in texts)
    with _at(f"{key}.last_word"):
        succeeds = condition(event.last_word) if isinstance(event.last_word, dict) else None
    classes: dict[str, ClassOf | None] = {}
    for name in _CLASSES:
        with _at(f"{key}.{name}"):
            classes[name] = compile_classes(getattr(event, name), words)
    amounts: dict[str, ReadAmount] = {}
    for name in _AMOUNTS:
        with _at(f"{key}.{name}"):
            if (reading := compile_amounts(getattr(event, name), from_text=bool(texts))) is not None:
                amounts[name] = reading
    _check(event, patterns, key)
    return CompiledEvent(event, holds, patterns, succeeds, **classes, amounts=amounts)


def _check(event: Event, patterns: Iterable[re.Pattern[str]], key: str) -> None:
    """Rejects keys without effect, and paths that are no placeholder of the text."""
    if event.last_word is None and (event.if_none or event.error != ()):
        raise FormatError("if_none and error are for events with last_word", key=key)
    if event.ignore and not event.text:
        raise FormatError("only lines of text can be ignored", key=f"{key}.ignore")
    known = [name for pattern in patterns for name in pattern.groupindex]
    for name, path in _paths(event) if event.text else ():
        if path not in known:
            near = difflib.get_close_matches(path, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"write {{{path}}} in the text"
            raise FormatError(f"{path!r} is not a placeholder of the text; {hint}", key=f"{key}.{name}")


def _paths(event: Event) -> Iterator[tuple[str, str]]:
    """The keys of an event, and the paths in them."""
    for name in _AMOUNTS:
        yield from ((name, path) for path in amount_paths(getattr(event, name)))
    for path in event.last_word if isinstance(event.last_word, dict) else ():
        yield "last_word", path
    for name in _CLASSES:
        classes = getattr(event, name)
        for source in classes if isinstance(classes, tuple) else (classes,):
            if isinstance(source, ErrorSource):
                yield from ((name, path) for path in (source.status, source.words, *source.when) if path)


@contextlib.contextmanager
def _at(key: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise FormatError(str(error), key=key) from error
