"""Reads values and numbers at paths of a JSON object, and compiles conditions on them."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from exporter.log_formats.language import Conditions

__all__ = ["Condition", "Path", "condition", "is_present", "number", "parse_path", "text_of", "values_at"]

Path = tuple[str, ...]
Condition = Callable[[Mapping[str, Any]], bool]

_MAX_NUMBER: Final = 1e15
_MAX_VALUES: Final = 256
_UNITS: Final = {"k": 1e3, "M": 1e6}


def parse_path(text: str) -> Path:
    """The keys of a path. Raises ValueError."""
    keys = tuple(text.split("."))
    if not all(keys) or len(text) > 200 or any(key.isspace() for key in keys):  # noqa: PLR2004 - of a line of YAML
        raise ValueError(f"{text[:40]!r} is not a path, such as error.message or modelUsage.*.costUSD")
    return keys


def values_at(found: Any, path: Path) -> list[Any]:
    """The values at a path, at most 256; none if a key is missing."""
    values = [found]
    for key in path:
        if key == "*":
            values = [item for value in values for item in _items(value)][:_MAX_VALUES]
        else:
            values = [value[key] for value in values if isinstance(value, Mapping) and key in value]
    return values


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def is_present(found: Mapping[str, Any], path: Path) -> bool:
    """Whether the object has the first key of the path, with any value but null."""
    return found.get(path[0]) is not None


def text_of(value: Any) -> str:
    """A value as text: `true`, `9`; `present` for a mapping or list; empty if there is none."""
    kind = value.__class__
    if kind is str:
        return str(value)
    if value is None:
        return ""
    if kind is bool:
        return "true" if value else "false"
    return str(value) if kind is int and -_MAX_NUMBER < value < _MAX_NUMBER else "present"


def number(value: Any, *, from_text: bool = False) -> float | None:
    """A finite number from 0 to 10^15. `from_text`: also `12k` and `1,234`; otherwise no text is a number."""
    if from_text and isinstance(value, str):
        unit = _UNITS.get(value[-1:], 1.0)
        try:
            value = float(value.rstrip("kM.,").replace(",", "")) * unit
        except ValueError:
            return None
    if value.__class__ not in (int, float) or not 0 <= value <= _MAX_NUMBER or not math.isfinite(value):
        return None
    return value


def condition(conditions: Conditions) -> Condition:
    """Compiles conditions to a function that returns whether every path has one of its values. Raises ValueError."""
    terms = [_term(path, listed if isinstance(listed, tuple) else (listed,)) for path, listed in conditions.items()]

    def holds(found: Mapping[str, Any]) -> bool:
        for path, texts, prefixes in terms:
            value: Any = found
            for key in path:
                value = value.get(key) if value.__class__ is dict else None
            text = text_of(value)
            if text not in texts and not (text and ("present" in texts or text.startswith(prefixes))):
                return False
        return True

    return holds


def _term(path: str, listed: Iterable[Any]) -> tuple[Path, frozenset[str], tuple[str, ...]]:
    texts = [text_of(value) for value in listed]
    if not texts:
        raise ValueError(f"no value is listed for {path!r}")
    if "*" in path:
        raise ValueError(f"{path!r} has several values: a condition needs one")
    prefixes = tuple(text[:-1] for text in texts if text.endswith("*"))
    plain = ("" if text == "absent" else text for text in texts if not text.endswith("*"))
    return parse_path(path), frozenset(plain), prefixes
