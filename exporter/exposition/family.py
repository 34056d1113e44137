"""A metric family: its name, its help, and the pure function that gives its samples for one object."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from exporter.exposition import text

__all__ = ["Family", "Labelled", "Row"]


class Labelled(Protocol):
    """An object that has series: `labels` are the pairs which name it, escaped and without braces."""

    @property
    def labels(self) -> str:
        """`namespace="n",job_name="j"`."""


Row = tuple[tuple[str, ...], float]
"""The values of a family's own labels, in their order, and the sample's value."""

R_contra = TypeVar("R_contra", bound=Labelled, contravariant=True)
C_contra = TypeVar("C_contra", contravariant=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Family(Generic[R_contra, C_contra]):
    """A gauge with one sample for each object (`value`), or one for each row (`rows`) with `own` labels more.

    `value` gives None where the object has no sample. `needs` names the resources besides the object's own
    that must have been read before the family may be shown: half a join would be a lie.
    """

    name: str
    help: str
    own: tuple[str, ...] = ()
    value: Callable[[R_contra, C_contra], float | None] | None = None
    rows: Callable[[R_contra, C_contra], Iterable[Row]] | None = None
    needs: tuple[str, ...] = ()

    @property
    def head(self) -> str:
        """HELP and TYPE."""
        return text.head(name=self.name, kind="gauge", text=self.help)

    def lines(self, objects: Sequence[R_contra], context: C_contra) -> str:
        """The lines of these objects, each ended by a newline."""
        number = text.number
        out: list[str] = []
        if self.value is not None:
            value, start = self.value, self.name + "{"
            out += [
                f"{start}{item.labels}}} {number(sample)}\n"
                for item in objects
                if (sample := value(item, context)) is not None
            ]
        if self.rows is not None:
            escape = text.escape
            # The format is made once for all rows: '{name}{{{ids},{own}="{}",...}} {}\n'.
            form = self.name + "{%s" + "".join(f',{name}="%s"' for name in self.own) + "} %s\n"
            for item in objects:
                out += [form % (item.labels, *map(escape, own), number(v)) for own, v in self.rows(item, context)]
        return "".join(out)
