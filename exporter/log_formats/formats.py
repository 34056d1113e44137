"""A set of compiled formats: which of them reads a line."""

from collections.abc import Iterable, Mapping
from typing import Any

from exporter.log_formats.compiling import CompiledFormat
from exporter.log_formats.values import text_of, values_at

__all__ = ["Formats"]


class Formats:
    """Compiled formats, each with a unique name."""

    def __init__(self, formats: Iterable[CompiledFormat]) -> None:
        self.all = tuple(formats)
        self.scripts = tuple(one for one in self.all if one.format.everywhere)
        # Of lines with signs of two formats, the common one comes last.
        agents = [one for one in self.all if not one.format.everywhere]
        self._agents = tuple(sorted(agents, key=lambda one: one.format.common))

    def expected(self, name: str) -> tuple[CompiledFormat, ...]:
        """The formats of a CLI, as a run names it; empty for an unknown name."""
        name = name.strip().lower()
        return tuple(one for one in self._agents if name == one.format.name or name in one.format.cli)

    def order(self, first: Iterable[CompiledFormat]) -> tuple[CompiledFormat, ...]:
        """The order in which formats are tried for lines without a sign."""
        common = (one for one in self._agents if one.format.common)
        return tuple(dict.fromkeys([*first, *common, *self._agents]))

    def signed(self, found: Mapping[str, Any]) -> CompiledFormat | None:
        """The format that has a sign for this object."""
        return next((one for one in self._agents if one.is_sign(found)), None)

    @staticmethod
    def session(format_: CompiledFormat, found: Mapping[str, Any]) -> int:
        """A number for the session of this object; 0 if it has none."""
        if not format_.session:
            return 0
        text = next((text_of(value) for value in values_at(found, format_.session)), "")
        return hash(text) if text else 0
