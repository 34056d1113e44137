"""The ConfigMaps that the controller needs, by name or by pattern, and the records of those that do not exist."""

import dataclasses
import re
from collections.abc import Mapping, Sequence

from exporter.cache import ConfigMap

__all__ = ["RequiredConfigMap", "absent_configmap", "absent_configmaps", "find_requirement"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RequiredConfigMap:
    """A ConfigMap that the controller needs, with its required keys.

    A name with `*` is a pattern: every matching ConfigMap is checked, and at least one must exist.
    """

    namespace: str
    name: str
    keys: tuple[str, ...] = ()
    by_default: bool = False
    """Whether it belongs to the default set, which is required only if the platform uses one of its ConfigMaps."""

    @property
    def key(self) -> str:
        """`NAMESPACE/NAME`, as in client-go."""
        return f"{self.namespace}/{self.name}"

    @property
    def is_pattern(self) -> bool:
        """Whether its name is a pattern."""
        return "*" in self.name

    def matches(self, name: str) -> bool:
        """Whether it applies to a ConfigMap of this name."""
        form = "[a-z0-9.-]*".join(map(re.escape, self.name.split("*")))  # the characters of names
        return re.fullmatch(form, name) is not None

    def named(self, name: str) -> "RequiredConfigMap":
        """This requirement, with the name of a ConfigMap instead of its pattern."""
        return dataclasses.replace(self, name=name)


def find_requirement(name: str, requirements: Sequence[RequiredConfigMap]) -> RequiredConfigMap | None:
    """The requirement for the ConfigMap of this name: by exact name, else by the first matching pattern."""
    found = [requirement for requirement in requirements if requirement.matches(name)]
    return min(found, key=lambda requirement: requirement.is_pattern).named(name) if found else None


def absent_configmaps(
    requirements: Sequence[RequiredConfigMap], records: Mapping[str, ConfigMap]
) -> dict[str, ConfigMap]:
    """The records, by key, of required ConfigMaps that do not exist, and of patterns without a match."""
    names = [record.name for record in records.values() if "*" not in record.name]
    return {
        requirement.key: absent_configmap(requirement)
        for requirement in requirements
        if not any(map(requirement.matches, names))
    }


def absent_configmap(required: RequiredConfigMap) -> ConfigMap:
    """The record of a ConfigMap that does not exist."""
    return ConfigMap(
        uid=required.key,
        namespace=required.namespace,
        name=required.name,
        by_default=required.by_default,
        required=not required.by_default,
    )
