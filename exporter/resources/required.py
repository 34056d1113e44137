"""The ConfigMaps that the controller needs, by name or by pattern, and the records of those that do not exist."""

import dataclasses
import re
from collections.abc import Mapping, Sequence

from exporter.cache import ConfigMap

__all__ = ["RequiredConfigMap", "absent_configmap", "absent_of", "place_of"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RequiredConfigMap:
    """A ConfigMap that the controller needs, and the keys in it that it needs.

    A name with `*` in it is a pattern: each ConfigMap that matches it is checked, and there has to be one.
    """

    namespace: str
    name: str
    keys: tuple[str, ...] = ()
    by_default: bool = False
    """Whether no setting names it: it is then required only where the platform uses one of the default set."""

    @property
    def uid(self) -> str:
        """The place, whichever object fills it."""
        return f"{self.namespace}/{self.name}"

    @property
    def is_pattern(self) -> bool:
        """Whether it stands for any number of ConfigMaps."""
        return "*" in self.name

    def matches(self, name: str) -> bool:
        """Whether it is about a ConfigMap of this name."""
        form = "[a-z0-9.-]*".join(map(re.escape, self.name.split("*")))  # what names consist of
        return re.fullmatch(form, name) is not None

    def named(self, name: str) -> "RequiredConfigMap":
        """The same about the one ConfigMap of this name."""
        return dataclasses.replace(self, name=name)


def place_of(name: str, places: Sequence[RequiredConfigMap]) -> RequiredConfigMap | None:
    """What is required of the ConfigMap of this name: by its own name, else by the first pattern that matches it."""
    found = [place for place in places if place.matches(name)]
    return min(found, key=lambda place: place.is_pattern).named(name) if found else None


def absent_of(places: Sequence[RequiredConfigMap], records: Mapping[str, ConfigMap]) -> dict[str, ConfigMap]:
    """The records, by UID, of what is required and not there: a name, or a pattern that nothing matches."""
    names = [record.name for record in records.values() if "*" not in record.name]
    return {place.uid: absent_configmap(place) for place in places if not any(map(place.matches, names))}


def absent_configmap(required: RequiredConfigMap) -> ConfigMap:
    """The record of a ConfigMap that does not exist."""
    return ConfigMap(
        uid=required.uid,
        namespace=required.namespace,
        name=required.name,
        by_default=required.by_default,
        required=not required.by_default,
    )
