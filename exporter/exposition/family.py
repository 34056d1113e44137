"""A metric family: its name, its help, and the pure function that gives its samples for one object."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from exporter.exposition import text

__all__ = ["Family", "Row"]

Row = tuple[tuple[str, ...], float]
"""The values of a family's own labels, in their order, and the sample's value."""

R = TypeVar("R")
C = TypeVar("C")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Family(Generic[R, C]):
    """A gauge with one sample for each object (`value`), or one for each row (`rows`) with `own` labels more.

    `value` gives None where the object has no sample. `needs` names the resources besides the object's own
    that must have been read before the family may be shown: half a join would be a lie. `uses` names those that it
    also reads from where they are known.
    """

    name: str
    help: str
    label_names: tuple[str, ...] = ()
    value: Callable[[R, C], float | None] | None = None
    rows: Callable[[R, C], Iterable[Row]] | None = None
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    @property
    def head(self) -> str:
        """HELP and TYPE."""
        return text.head(name=self.name, kind="gauge", text=self.help)

    def samples(self, item: R, context: C) -> object:
        """The samples of one object, to compare with those of another moment, in a third of the time of its lines."""
        if self.value is not None:
            return self.value(item, context)
        return tuple(self.rows(item, context)) if self.rows is not None else None

    def lines(self, objects: Sequence[tuple[str, R]], context: C) -> str:
        """The lines of these objects, each given with the label pairs that name it; each line has its newline."""
        number = text.number
        out: list[str] = []
        if self.value is not None:
            value, start = self.value, self.name + "{"
            out += [
                f"{start}{labels}}} {number(sample)}\n"
                for labels, item in objects
                if (sample := value(item, context)) is not None
            ]
        if self.rows is not None:
            rows = self.rows
            # The format is made once for all rows: '{name}{{{labels},{own}="{}",...}} {}\n'.
            form = self.name + "{%s" + "".join(f',{name}="%s"' for name in self.label_names) + "} %s\n"
            found = [(labels, row) for labels, item in objects for row in rows(item, context)]
            texts = text.escaped([own for _, (own, _) in found])
            out += [
                form % (labels, *own, number(sample)) for (labels, (_, sample)), own in zip(found, texts, strict=True)
            ]
        return "".join(out)
