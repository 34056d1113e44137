"""Generates a msgspec type that decodes only the fields at given paths, and extracts their values from an object."""

import datetime as dt
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from exporter.profiles.paths import Path, PathError, Where
from exporter.profiles.sources import format_value

__all__ = ["ANY", "LABEL", "NUMBER", "TEXT", "TIME", "Metadata", "Wire"]

TEXT: Final[Any] = str | int | float | bool | None
LABEL: Final[Any] = str | None
NUMBER: Final[Any] = int | None
TIME: Final[Any] = dt.datetime | None
ANY: Final[Any] = Any
"""The types of fields. ANY: only the presence matters."""


class Metadata(msgspec.Struct, rename="camel", frozen=True):
    """The fields of `metadata` that are read from every object."""

    name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    creation_timestamp: dt.datetime | None = None
    deletion_timestamp: dt.datetime | None = None
    finalizers: list[str] | None = None


_KNOWN: Final = {field.encode_name: field.name for field in msgspec.structs.fields(Metadata)}


class _Node:
    """A field: a leaf with a type, a mapping with fields, or a list with items."""

    def __init__(self) -> None:
        self.type: Any = None
        self.fields: dict[str, _Node] = {}
        self.item: _Node | None = None
        self.attribute = ""

    def field(self, name: str) -> "_Node":
        """The field of this name. Attributes are numbered, because a key may be any text."""
        if name not in self.fields:
            self.fields[name] = node = _Node()
            node.attribute = f"f{len(self.fields)}"
        return self.fields[name]

    def struct(self, name: str, *bases: type[msgspec.Struct]) -> type[msgspec.Struct]:
        """The type of a mapping. Missing inner mappings are decoded as empty, so that fields can be read."""
        known = bases[0].__struct_fields__ if bases else ()
        fields = {key: node for key, node in self.fields.items() if node.attribute not in known}
        return msgspec.defstruct(
            name,
            [(node.attribute, *node.typed(f"{name}.{key}")) for key, node in fields.items()],
            bases=bases or None,
            rename={node.attribute: key for key, node in fields.items()},
            frozen=True,
            gc=False,
        )

    def typed(self, name: str) -> tuple[Any, Any]:
        """The type of this field and its default."""
        if self.item is not None:
            leaf = not self.item.fields and self.item.item is None
            item = ANY if leaf else self.item.typed(name)[0]  # items of any type, so that indexes stay valid
            return list[item] | None, None  # type: ignore[valid-type]
        if self.fields:
            struct = self.struct(name, *((Metadata,) if name == "object.metadata" else ()))
            return (struct, struct()) if name == "object.metadata" else (struct | None, struct())
        return self.type, None


class Wire:
    """The generated `type`, and `values`, which extracts the value at each path from an object of that type."""

    def __init__(self, types: Mapping[Path, Any]) -> None:
        root = _Node()
        metadata = root.field("metadata")
        metadata.attribute = "metadata"
        for key, attribute in _KNOWN.items():
            metadata.field(key).attribute = attribute
        routes = [_add_path(root, path, kind) for path, kind in types.items()]
        _check(root, "")
        self.type: Any = root.struct("object")
        self._names = [route[0] for route in routes]
        self._fetch = operator.attrgetter("metadata", *self._names)
        self._inside = [(at + 1, steps) for at, (_, steps) in enumerate(routes) if steps]
        self.index = {path: at + 1 for at, path in enumerate(types)}

    def values(self, item: Any) -> Sequence[Any]:
        """The metadata, then the value at each path, by `index`; None if there is none."""
        try:
            found = self._fetch(item)
        except AttributeError:  # null instead of a mapping
            found = (item.metadata, *(_walk(item, name.split(".")) for name in self._names))
        if not self._inside:
            return found
        values = list(found)
        for at, steps in self._inside:
            values[at] = _inside(values[at], steps)
        return values


_Steps = list[int | str | tuple[str, str]]


def _add_path(root: _Node, path: Path, kind: Any) -> tuple[str, _Steps]:
    """Adds the nodes of a path. Returns the attributes up to its first list, and the steps from there."""
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


def _check(node: _Node, path: str) -> None:
    """Checks that no field is used both as a value and as a mapping or list. Raises PathError."""
    if (node.type is not None) + bool(node.fields) + (node.item is not None) > 1:
        raise PathError(f"{path!r} is the end of one path and a parent in another path: both must end at a field")
    for key, inner in node.fields.items():
        _check(inner, f"{path}.{key}")
    if node.item is not None:
        _check(node.item, f"{path}[]")


def _walk(item: Any, names: Iterable[str]) -> Any:
    for name in names:
        item = getattr(item, name, None)
    return item


def _inside(value: Any, steps: _Steps) -> Any:
    """The value at these steps inside a list."""
    for step in steps:
        if isinstance(step, str):
            value = getattr(value, step, None)
        elif isinstance(step, int):
            value = value[step] if value and step < len(value) else None
        else:
            name, wanted = step
            value = next((item for item in value or () if format_value(getattr(item, name, None)) == wanted), None)
    return value
