"""The run in the manifest of an Argo resource template: its kind and its name.

A manifest is text with template tags, and often not valid YAML before Argo has replaced them, so it is not parsed.
Source: https://argo-workflows.readthedocs.io/en/latest/variables/
"""

import functools
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from exporter.resources.kinds import RunKind

__all__ = ["CREATES", "Reference", "reference_in", "replace_tags", "run_kind_of"]

CREATES: Final = frozenset({"create", "apply"})
"""The actions of a resource template that create an object."""
_MAX_MANIFEST: Final = 65_536  # characters that are searched
_MAX_TAGS: Final = 20  # of a name
_MAX_NAME: Final = 253
_VALUE: Final = r"""["']?\s*:[ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|((?:\{\{[^{}\n]*\}\}|[\w./-])+))"""
_BEFORE: Final = r"""(?<![\w./-])["']?"""
_KIND: Final = re.compile(r"^kind" + _VALUE, re.MULTILINE)
_ANY_KIND: Final = re.compile(_BEFORE + "kind" + _VALUE)
_API_VERSION: Final = re.compile(r"^apiVersion" + _VALUE, re.MULTILINE)
_ANY_API_VERSION: Final = re.compile(_BEFORE + "apiVersion" + _VALUE)
_BLOCK: Final = re.compile(r"^metadata:[ \t]*\n((?:[ \t]+[^\n]*\n?|[ \t]*\n)+)", re.MULTILINE)
_IN_BLOCK: Final = re.compile(r"^(name|generateName)" + _VALUE, re.MULTILINE)
_FLOW: Final = re.compile(r"""metadata["']?\s*:""")
_IN_FLOW: Final = re.compile(_BEFORE + "(name|generateName)" + _VALUE)
_TAG: Final = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")
_INPUT: Final = "inputs.parameters."


class Reference(NamedTuple):
    """An object in a manifest. The texts may contain template tags."""

    kind: str = ""
    group: str = ""
    name: str = ""
    is_prefix: bool = False
    """Whether `name` is its `generateName`."""


def reference_in(manifest: str) -> Reference:
    """The object in a manifest in YAML or JSON."""
    return _reference_in(manifest[:_MAX_MANIFEST])


@functools.lru_cache(maxsize=128)
def _reference_in(manifest: str) -> Reference:
    text = textwrap.dedent(manifest)
    kind = _text(_KIND.search(text) or _ANY_KIND.search(text))
    version = _text(_API_VERSION.search(text) or _ANY_API_VERSION.search(text))
    if block := _BLOCK.search(text):
        found = _IN_BLOCK.search(textwrap.dedent(block[1]))
    else:
        start = _FLOW.search(text)
        found = _IN_FLOW.search(text, start.end()) if start else None
    return Reference(
        kind=kind,
        group=version.rpartition("/")[0],
        name=_text(found)[:_MAX_NAME],
        is_prefix=found is not None and found[1] == "generateName",
    )


def _text(match: re.Match[str] | None) -> str:
    """The last three groups of `_VALUE`, of which one has matched."""
    return "" if match is None else next((one for one in match.groups()[-3:] if one is not None), "")


def run_kind_of(reference: Reference, kinds: Sequence[RunKind]) -> RunKind | None:
    """The kind of the run; None if it is no run. A group that is a template tag may be that of any kind."""
    for kind in kinds:
        if reference.kind == kind.kind and reference.group in {kind.group, ""}:
            return kind
    return next((kind for kind in kinds if reference.kind == kind.kind and "{{" in reference.group), None)


def replace_tags(text: str, values: Mapping[str, str]) -> tuple[str, bool]:
    """The text with the tags of these input parameters replaced, and whether no tag is left.

    It ends before the first tag that cannot be replaced.
    """
    found = _TAG.sub(lambda match: values.get(match[1].removeprefix(_INPUT), match[0]), text, count=_MAX_TAGS)
    known, tag, _ = found.partition("{{")
    return known[:_MAX_NAME], not tag
