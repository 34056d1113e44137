"""Patterns of text lines, and phrases of error messages, compiled to regular expressions of linear cost."""

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["PatternError", "compile_pattern", "compile_phrases", "normalize"]

_MAX_LENGTH: Final = 200
_SPECIAL: Final = re.compile(r"(\{[^{}]*\}|\s+)")
_PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]{0,31})(?::([d*]))?\}")
_FORMS: Final = {None: "[A-Za-z0-9_.,+-]{1,40}", "d": "[0-9]{1,18}", "*": ".*+"}
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD: Final = re.compile(r"[^a-z0-9]+")


class PatternError(ValueError):
    """An invalid pattern. The message is one line."""


def compile_pattern(text: str) -> re.Pattern[str]:
    """A regular expression for `fullmatch`. Raises PatternError.

    The text before each `*` but the last is matched where it first occurs (an atomic group), so the cost is
    linear in the length of the line.
    """
    if not text.strip("* ") or len(text) > _MAX_LENGTH:
        raise PatternError(f"{text[:40]!r} is not a pattern: write at most {_MAX_LENGTH} characters of the line")
    names: set[str] = set()
    if ":*}" in text[:-1]:
        raise PatternError(f"{text!r} continues after a placeholder for any text")
    first, *rest = (_segment(part, names, text) for part in re.split(r"\*(?!\})", text))
    if not rest:
        return re.compile(first)
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1] if part)
    return re.compile(first + middle + (f".*?{rest[-1]}" if rest[-1] else ".*+"), re.DOTALL)


def _segment(part: str, names: set[str], text: str) -> str:
    return "".join(_piece(piece, names, text) for piece in _SPECIAL.split(part) if piece)


def _piece(piece: str, names: set[str], text: str) -> str:
    if piece.isspace():
        return r"[ \t]++"
    if not piece.startswith("{") or not piece.endswith("}"):
        return re.escape(piece)
    name = _PLACEHOLDER.fullmatch(piece)
    if name is None or name[1] in names:
        raise PatternError(f"{piece} in {text!r} is not a placeholder: a name in lower case, used once")
    names.add(name[1])
    return f"(?P<{name[1]}>{_FORMS[name[2]]})"


def compile_phrases(phrases: Iterable[str]) -> re.Pattern[str]:
    """A regular expression for `search` in normalized text: one of the phrases. `*` is at most 40 characters."""
    return re.compile(f" (?:{'|'.join(map(_phrase, phrases))}) ")


def _phrase(text: str) -> str:
    return re.escape(text).replace(r"\ \*", " [a-z0-9 ]{0,40}").replace(" \\ ", " ")


def normalize(text: str) -> str:
    """The words in lower case, each between blanks: `RateLimitError: 429` becomes ` rate limit error 429 `."""
    return f" {_NOT_WORD.sub(' ', _CAMEL.sub(' ', text).lower()).strip()} "
