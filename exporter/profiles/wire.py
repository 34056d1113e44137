"""From paths to a msgspec type that decodes these fields and nothing else, and to their values in an object."""

import datetime as dt
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from exporter.profiles.paths import Path, PathError, Where
from exporter.profiles.sources import text_of

__all__ = ["ANY", "LABEL", "NUMBER", "TEXT", "TIME", "Metadata", "Wire"]

TEXT: Final[Any] = str | int | float | bool | None
LABEL: Final[Any] = str | None
NUMBER: Final[Any] = int | None
TIME: Final[Any] = dt.datetime | None
ANY: Final[Any] = Any
"""The types of fields; ANY where only their presence matters."""


class Metadata(msgspec.Struct, rename="camel", frozen=True):
    """What is read of the metadata of every object."""

    name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    creation_timestamp: dt.datetime | None = None
    deletion_timestamp: dt.datetime | None = None
    finalizers: list[str] | None = None


_KNOWN: Final = {field.encode_name: field.name for field in msgspec.structs.fields(Metadata)}


class _Node:
    """A field: a leaf with a type, a mapping with fields, or a list of such."""

    def __init__(self) -> None:
        self.type: Any = None
        self.fields: dict[str, _Node] = {}
        self.item: _Node | None = None
        self.attribute = ""

    def field(self, name: str) -> "_Node":
        """The field of that name. Attributes are numbered, because a key may be any text."""
        if name not in self.fields:
            self.fields[name] = node = _Node()
            node.attribute = f"f{len(self.fields)}"
        return self.fields[name]

    def struct(self, name: str, *bases: type[msgspec.Struct]) -> type[msgspec.Struct]:
        """The type of a mapping. A mapping inside that is missing is an empty one, so that it can be looked into."""
        known = bases[0].__struct_fields__ if bases else ()
        own = {key: node for key, node in self.fields.items() if node.attribute not in known}
        return msgspec.defstruct(
            name,
            [(node.attribute, *node.typed(f"{name}.{key}")) for key, node in own.items()],
            bases=bases or None,
            rename={node.attribute: key for key, node in own.items()},
            frozen=True,
            gc=False,
        )

    def typed(self, name: str) -> tuple[Any, Any]:
        """The type of this field, and its default."""
        if self.item is not None:
            leaf = not self.item.fields and self.item.item is None
            item = ANY if leaf else self.item.typed(name)[0]  # each keeps its place, whatever it is
            return list[item] | None, None  # type: ignore[valid-type]
        if self.fields:
            struct = self.struct(name, *((Metadata,) if name == "object.metadata" else ()))
            return (struct, struct()) if name == "object.metadata" else (struct | None, struct())
        return self.type, None


class Wire:
    """The type, and `values`: what an object of it has at each of the paths, in the order of the paths."""

    def __init__(self, types: Mapping[Path, Any]) -> None:
        root = _Node()
        metadata = root.field("metadata")
        metadata.attribute = "metadata"
        for key, attribute in _KNOWN.items():
            metadata.field(key).attribute = attribute
        roads = [_road(root, path, kind) for path, kind in types.items()]
        _check(root, "")
        self.type: Any = root.struct("object")
        self._names = [road[0] for road in roads]
        self._fetch = operator.attrgetter("metadata", *self._names)
        self._inside = [(at + 1, steps) for at, (_, steps) in enumerate(roads) if steps]
        self.index = {path: at + 1 for at, path in enumerate(types)}

    def values(self, item: Any) -> Sequence[Any]:
        """The metadata, then the value at each path, by `index`; None where there is none."""
        try:
            found = self._fetch(item)
        except AttributeError:  # null in place of a mapping
            found = (item.metadata, *(_walk(item, name.split(".")) for name in self._names))
        if not self._inside:
            return found
        values = list(found)
        for at, steps in self._inside:
            values[at] = _inside(values[at], steps)
        return values


_Steps = list[int | str | tuple[str, str]]


def _road(root: _Node, path: Path, kind: Any) -> tuple[str, _Steps]:
    """Makes the nodes of a path; gives the attributes that lead to its first list, and the steps from there on."""
    node, names, inside = root, list[str](), _Steps()
    for step in path:
        if isinstance(step, str):
            node = node.field(step)
            (inside or names).append(node.attribute)
            continue
        if node.item is None:
            node.item = _Node()
        node = node.item
        if isinstance(step, Where):
            key = node.field(step.key)
            key.type = key.type or TEXT
            inside.append((key.attribute, step.value))
        else:
            inside.append(step)
    node.type = kind if node.type in (None, kind) else TEXT
    return ".".join(names), inside


def _check(node: _Node, shown: str) -> None:
    """A field is a value, a mapping or a list. Raises PathError."""
    if (node.type is not None) + bool(node.fields) + (node.item is not None) > 1:
        raise PathError(f"one path ends at {shown!r}, another path continues below it: let both end at a field")
    for key, inner in node.fields.items():
        _check(inner, f"{shown}.{key}")
    if node.item is not None:
        _check(node.item, f"{shown}[]")


def _walk(item: Any, names: Iterable[str]) -> Any:
    for name in names:
        item = getattr(item, name, None)
    return item


def _inside(value: Any, steps: _Steps) -> Any:
    """What a list has at these steps."""
    for step in steps:
        if isinstance(step, str):
            value = getattr(value, step, None)
        elif isinstance(step, int):
            value = value[step] if value and step < len(value) else None
        else:
            name, wanted = step
            value = next((item for item in value or () if text_of(getattr(item, name, None)) == wanted), None)
    return value
