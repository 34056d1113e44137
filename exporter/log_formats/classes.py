"""Error classes, from HTTP statuses and from the words of error messages. The text of a message is not kept."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from exporter.log_formats.language import Classes, ErrorSource
from exporter.log_formats.patterns import compile_phrases, normalize
from exporter.log_formats.values import condition, number, parse_path, values_at

__all__ = ["BILLING", "ClassOf", "Words", "compile_classes", "more_specific"]

ClassOf = Callable[[Mapping[str, Any]], str]
"""The error class of a line; empty if none of its sources has a value."""

BILLING: Final = "billing"
"""A usage limit that no time resets: the account has no credit, is not paid, or is disabled. In metrics, and in the
error class of a report, it is `usage_limit`."""
_LIMIT: Final = "usage_limit"
_MAX_LENGTH: Final = 2048
_RESETS: Final = compile_phrases(
    [
        *("resets", "reset at", "reset in", "try again at", "try again in", "retry in", "retry after"),
        *("regain access", "usage limit", "usage limits", "hit your limit", "hit your * limit"),
    ]
)
"""Phrases of limits with a time: their messages name the plan and its billing, too."""
_STATUSES: Final = {401: "auth", 402: BILLING, 403: "auth", 429: "rate_limit"}
_SERVER_ERROR: Final = range(500, 600)


class Words:
    """The class of an error message: the class of the first list with a phrase that the message contains."""

    def __init__(self, phrases: Mapping[str, list[str]]) -> None:
        self._lists = [(name, compile_phrases(listed)) for name, listed in phrases.items()]

    def __call__(self, text: str) -> str:
        """The class, or an empty text."""
        words = normalize(text[:_MAX_LENGTH])
        found = next((name for name, phrases in self._lists if phrases.search(words)), "")
        return _LIMIT if found == BILLING and _RESETS.search(words) else found


def more_specific(new: str, known: str) -> str:
    """The more specific of two classes of one error. A plan's limit is often reported as a rate limit, status 429."""
    if not known or (new not in ("", "other") and known == "other"):
        return new
    if new in ("", "other") or (new == "rate_limit" and known in (_LIMIT, BILLING)):
        return known
    return new


def compile_classes(classes: Classes, words: Words) -> ClassOf | None:
    """Compiles sources to a function; None if there are none. Raises ValueError."""
    sources = classes if isinstance(classes, tuple) else (classes,)
    compiled = [_compile(one, words) for one in sources]
    if not compiled:
        return None

    def class_of(found: Mapping[str, Any]) -> str:
        return next((name for source in compiled if (name := source(found))), "")

    return class_of


def _compile(source: ErrorSource | str, words: Words) -> ClassOf:
    if isinstance(source, str):
        return lambda _: source
    if (source.class_ is not None) + bool(source.status) + bool(source.words) != 1:
        raise ValueError("an error class needs one of the keys class, status and words")
    holds = condition(source.when)
    read = _reader(source, words)
    return lambda found: read(found) if holds(found) else ""


def _reader(source: ErrorSource, words: Words) -> ClassOf:
    if source.class_ is not None:
        name = source.class_
        return lambda _: name
    path = parse_path(source.status or source.words)
    if source.status:
        return lambda found: _status(next(iter(values_at(found, path)), None))
    return lambda found: words("\n".join(text for text in values_at(found, path) if isinstance(text, str)))


def _status(value: Any) -> str:
    status = number(value, from_text=True)
    if status is None:
        return ""
    return "overloaded" if status in _SERVER_ERROR else _STATUSES.get(int(status), "")
