"""A set of compiled formats: which of them reads a line."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from exporter.log_formats.compiling import CompiledFormat
from exporter.log_formats.language import Conditions
from exporter.log_formats.values import Condition, text_of, values_at

__all__ = ["Formats"]

_ANY: Final = ("present", "absent")


class Formats:
    """Compiled formats, each with a unique name."""

    def __init__(self, formats: Iterable[CompiledFormat]) -> None:
        self.all = tuple(formats)
        self.scripts = tuple(one for one in self.all if one.format.everywhere)
        # Of lines with signs of two formats, the common one comes last.
        agents = [one for one in self.all if not one.format.everywhere]
        self._agents = tuple(sorted(agents, key=lambda one: one.format.common))
        self._signs = {name: tuple(self._signs_of(name)) for name in (*self._types(), "")}

    def expected(self, name: str) -> tuple[CompiledFormat, ...]:
        """The formats of a CLI, as a run names it; empty for an unknown name."""
        name = name.strip().lower()
        return tuple(one for one in self._agents if name == one.format.name or name in one.format.cli)

    def order(self, first: Iterable[CompiledFormat]) -> tuple[CompiledFormat, ...]:
        """The order in which formats are tried for lines without a sign."""
        common = (one for one in self._agents if one.format.common)
        return tuple(dict.fromkeys([*first, *common, *self._agents]))

    def format_by_sign(self, found: Mapping[str, Any]) -> CompiledFormat | None:
        """The format with a sign (a condition that only its lines fulfil) that holds for this object, or None."""
        name = found.get("type")
        signs = self._signs.get(name) if isinstance(name, str) else None
        return next((one for one, holds in signs or self._signs[""] if holds(found)), None)

    def _types(self) -> set[str]:
        """The texts that signs list for the field `type`, by which they are found."""
        return {name for one in self._agents for sign in one.format.signs for name in _listed(sign)}

    def _signs_of(self, name: str) -> Iterator[tuple[CompiledFormat, Condition]]:
        """The signs that an object of this type can have, and their formats."""
        for one in self._agents:
            for sign, holds in zip(one.format.signs, one.signs, strict=True):
                listed = _listed(sign)
                if not listed or name in listed:
                    yield one, holds

    @staticmethod
    def session(format_: CompiledFormat, found: Mapping[str, Any]) -> int:
        """A number for the session of this object; 0 if it has none."""
        if not format_.session:
            return 0
        text = next((text_of(value) for value in values_at(found, format_.session)), "")
        return hash(text) if text else 0


def _listed(sign: Conditions) -> set[str]:
    """The types that a sign lists; empty if it also holds for others."""
    given = sign.get("type", ())
    names = {text_of(value) for value in (given if isinstance(given, tuple) else (given,))}
    return set() if any(name in _ANY or name.endswith("*") for name in names) else names
