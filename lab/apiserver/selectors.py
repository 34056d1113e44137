"""The objects that a request selects: by namespace, labelSelector and fieldSelector.

The syntax is that of the Kubernetes documentation ("Labels and Selectors", "Field Selectors"); the numeric `gt` and
`lt` are not supported.
"""

import bisect
import dataclasses
import functools
import operator
import re
from collections.abc import Callable, Sequence

from lab.apiserver import status
from lab.apiserver.collection import Stored
from lab.apiserver.kinds import Resource

__all__ = ["Selection", "select"]

Test = Callable[[Stored], bool]

_KEY = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_COMMA = re.compile(r",(?![^(]*\))")  # not those within parentheses
_EXISTS = re.compile(rf"\s*(?P<absent>!?)\s*(?P<key>{_KEY})\s*")
_EQUALS = re.compile(rf"\s*(?P<key>{_KEY})\s*(?P<how>==|=|!=)\s*(?P<value>{_VALUE})\s*")
_IN = re.compile(rf"\s*(?P<key>{_KEY})\s+(?P<how>in|notin)\s*\((?P<values>[^()]*)\)\s*")
_FIELD = re.compile(r"(?P<key>[^=!]+)(?P<how>==|=|!=)(?P<value>.*)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Selection:
    """The objects of a namespace (`prefix`: its name and a slash, or empty for all) that pass all tests."""

    prefix: str
    tests: tuple[Test, ...]

    def matches(self, stored: Stored | None) -> bool:
        """Whether an object is selected; False for None."""
        return stored is not None and stored.key.startswith(self.prefix) and all(test(stored) for test in self.tests)

    def after(self, start: str, objects: Sequence[Stored]) -> Sequence[Stored]:
        """The objects of the namespace after the key `start`. `objects` are sorted by key; applies no tests."""
        key = operator.attrgetter("key")
        low = bisect.bisect_right(objects, max(start, self.prefix), key=key)
        high = bisect.bisect_left(objects, self.prefix[:-1] + "0", key=key) if self.prefix else len(objects)
        return objects[low:high]


def select(resource: Resource, *, namespace: str, labels: str, fields: str) -> Selection:
    """The selection of these selectors. Raises StatusError (400) for an invalid selector."""
    tests = [_label_test(each) for each in _COMMA.split(labels)] if labels.strip() else []
    tests += [_field_test(each, resource) for each in fields.split(",")] if fields.strip() else []
    return Selection(prefix=f"{namespace}/" if namespace else "", tests=tuple(tests))


def _label_test(requirement: str) -> Test:
    if match := _EXISTS.fullmatch(requirement):
        return functools.partial(_has_label, key=match["key"], wanted=not match["absent"])
    if match := _EQUALS.fullmatch(requirement):
        values = frozenset({match["value"]})
        return functools.partial(_label_in, key=match["key"], values=values, wanted=match["how"] != "!=")
    if match := _IN.fullmatch(requirement):
        values = frozenset(value.strip() for value in match["values"].split(","))
        return functools.partial(_label_in, key=match["key"], values=values, wanted=match["how"] == "in")
    raise status.bad_request(f"unable to parse requirement: {requirement!r}")


def _has_label(stored: Stored, *, key: str, wanted: bool) -> bool:
    return (key in stored.labels) is wanted


def _label_in(stored: Stored, *, key: str, values: frozenset[str], wanted: bool) -> bool:
    """Tests a label. A missing label is not in any set, so `!=` and `notin` match it, as in Kubernetes."""
    return (stored.labels.get(key) in values) is wanted


def _field_test(requirement: str, resource: Resource) -> Test:
    match = _FIELD.fullmatch(requirement)
    if match is None:
        raise status.bad_request(f"invalid selector: '{requirement}'; can't understand '{requirement}'")
    key = match["key"].strip()
    if key not in {"metadata.name", "metadata.namespace", *resource.fields}:
        raise status.bad_request(f"field label not supported: {key}")
    return functools.partial(_field_is, field=key, value=match["value"], wanted=match["how"] != "!=")


def _field_is(stored: Stored, *, field: str, value: str, wanted: bool) -> bool:
    if field == "metadata.name":
        return (stored.name == value) is wanted
    if field == "metadata.namespace":
        return (stored.namespace == value) is wanted
    return (stored.fields.get(field, "") == value) is wanted
