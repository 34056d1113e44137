"""The shipped profiles, a file with a list of them for each platform, and their combination with the settings."""

import difflib
import functools
import importlib.resources
from collections.abc import Mapping
from typing import Final

import msgspec

from exporter import yaml_errors
from exporter.profiles.language import Profile, Resource, parse_resource

__all__ = [
    "DEFAULT",
    "ShippedProfileError",
    "UnknownProfileError",
    "parse_shipped",
    "resolve",
    "shipped_names",
    "shipped_profiles",
]

DEFAULT: Final = "coderuns.agents.platform"
"""The kind that is read if the settings name none."""

_ANY: Final = "any"


class UnknownProfileError(ValueError):
    """There is no shipped profile of this name. The message is one line."""


class ShippedProfileError(Exception):
    """A file of shipped profiles is invalid. The message is one line: the file, the line if known, what is valid."""


@functools.cache
def shipped_profiles() -> Mapping[str, Profile]:
    """The shipped profiles by PLURAL.GROUP, and `any` with the defaults of all other kinds.

    Raises ShippedProfileError.
    """
    folder = importlib.resources.files("exporter.profiles") / "shipped"
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".yaml")), key=lambda item: item.name)
    profiles = [one for file in files for one in parse_shipped(file.read_text("utf-8"), name=file.name)]
    return {one.name or parse_resource(one.resource or "").name: one for one in profiles}


def parse_shipped(text: str, *, name: str) -> list[Profile]:
    """The profiles of a file. Raises ShippedProfileError with the `name` of the file."""
    where = f"profiles/shipped/{name}"
    try:
        tree, nodes = yaml_errors.parse(text)
    except yaml_errors.YamlTextError as error:
        raise ShippedProfileError(f"{where}{f':{error.line}' if error.line else ''}: {error}") from error
    if not isinstance(tree, list):
        raise ShippedProfileError(f"{where}: expected a list of profiles: put `- ` before the first key of each")
    try:
        return msgspec.convert(tree, list[Profile])
    except msgspec.ValidationError as error:
        keys, problem = yaml_errors.readable(str(error), tree, root=Profile, whole="a list of profiles")
        line = yaml_errors.line_of(nodes, keys)
        raise ShippedProfileError(f"{where}{f':{line}' if line else ''}: {problem}") from error


def shipped_names() -> list[str]:
    """The names of the shipped profiles."""
    return [name for name in shipped_profiles() if name != _ANY]


def resolve(given: str | Profile) -> Profile:
    """Completes a profile with the keys of the shipped profile of its PLURAL.GROUP.

    Raises UnknownProfileError.
    """
    if isinstance(given, str):
        base = _find_profile(given)
        where = parse_resource(given if given != base.name else base.resource or "")
        given = Profile()
    else:
        where = _resource(given)
        base = shipped_profiles().get(where.name) or shipped_profiles()[_ANY]
    if not where.version:
        known = parse_resource(base.resource or "") if base.resource != _ANY else _default()
        where = msgspec.structs.replace(where, version=known.version)
    fields = {name: getattr(given, name) for name in Profile.__struct_fields__}
    fields = {
        name: value for name, value in fields.items() if value is not None and not (name == "state" and not value)
    }
    names = {"resource": None, "plural": where.plural, "version": where.version, "group": where.group}
    return msgspec.structs.replace(base, **(fields | names))


def _find_profile(text: str) -> Profile:
    known = shipped_names()
    for name in (text, parse_resource(text).name):
        if name in known:
            return shipped_profiles()[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known))}"
    raise UnknownProfileError(f"{text!r} is not a shipped profile; {hint}")


def _resource(given: Profile) -> Resource:
    if given.resource is not None:
        return parse_resource(given.resource)
    default = _default()
    return Resource(
        plural=default.plural if given.plural is None else given.plural,
        version=given.version or "",
        group=default.group if given.group is None else given.group,
    )


def _default() -> Resource:
    return parse_resource(shipped_profiles()[DEFAULT].resource or "")
