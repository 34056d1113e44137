"""Loads YAML documents, with a limit on the expansion of aliases and merge keys."""

from typing import Any, Final

import yaml

__all__ = ["ExpandedError", "load", "load_node"]

_MAX_EXPANDED: Final = 100_000


class ExpandedError(yaml.YAMLError):
    """Aliases expand to too many nodes, or an alias contains itself."""

    def __init__(self) -> None:
        self.problem = "its aliases expand to too many values"
        super().__init__(self.problem)


def load(text: str | bytes, *, loader: Any = yaml.SafeLoader, single: bool = True) -> Any:
    """The document as a value. `loader` is a SafeLoader. `single`: the text must have only one document.

    Raises a YAMLError, and the errors of PyYAML for a value that does not match its tag.
    """
    made = loader(text)
    try:
        node = load_node(made, text, single=single)
        return None if node is None else made.construct_document(node)
    finally:
        made.dispose()


def load_node(loader: Any, text: str | bytes, *, single: bool = True) -> Any:
    """The document as nodes, which have line numbers, before merge keys are applied; None if there is no document."""
    node = loader.get_single_node() if single else loader.get_node() if loader.check_node() else None
    if node is not None and _size(node, {}) > len(text) + _MAX_EXPANDED:
        raise ExpandedError
    return node


def _size(node: Any, sizes: dict[int, int | None]) -> int:
    """The number of nodes after expansion. Without aliases, each node takes at least one character of the text."""
    if id(node) in sizes:
        known = sizes[id(node)]
        if known is None:  # it contains itself
            raise ExpandedError
        return known
    sizes[id(node)] = None
    parts: list[Any] = []
    if isinstance(node, yaml.SequenceNode):
        parts = node.value
    elif isinstance(node, yaml.MappingNode):
        parts = [part for pair in node.value for part in pair]
    size = sizes[id(node)] = 1 + sum(_size(part, sizes) for part in parts)
    return size
