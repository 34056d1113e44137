"""Checks whether rendered manifests contain the required ConfigMaps, and whether they are complete."""

import base64
import binascii
import contextlib
import dataclasses
import difflib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from exporter.cache import CONFIGMAP_LIMIT, ConfigMap
from exporter.checks.documents import ManifestError, Mapping
from exporter.checks.finding import NOTE, UNHEALTHY, UNKNOWN, Finding
from exporter.checks.health import configmap_findings
from exporter.checks.manifests import Object, files_in, objects_in
from exporter.config import Settings
from exporter.informers import watch_config
from exporter.kind_names import nearest
from exporter.resources.configmaps import WireConfigMap, configmap_from_object
from exporter.resources.required import RequiredConfigMap, absent_configmaps, find_requirement

__all__ = ["check_rendered"]

_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")  # https://kubernetes.io/docs/concepts/configuration/configmap/
_FIELDS = ("apiVersion", "kind", "metadata", "data", "binaryData", "immutable")
_MIN_SIMILARITY = 0.8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rendered:
    """A ConfigMap of a manifest. `faults` are reasons why the API server would reject or misread it.

    `unread`: it has data that cannot be read, so that it is not empty.
    """

    location: str
    namespace: str
    name: str
    prefix: str
    content: WireConfigMap
    unread: bool
    faults: tuple[str, ...]


def check_rendered(paths: Sequence[str], settings: Settings) -> list[Finding]:
    """A finding for each required ConfigMap, and for each file that cannot be read."""
    required, space = watch_config(settings).configmaps, settings.configmaps.namespace
    if not required:
        return [Finding(status=NOTE, subject="ConfigMaps", text="configmaps.required is empty: none is required")]
    found, broken = _read(paths, namespace=space)
    here = [item for item in found if item.name and item.namespace == space and find_requirement(item.name, required)]
    others = [item for item in found if item not in here]
    if not here and all(requirement.by_default for requirement in required):
        # Files that cannot be read may contain the required ConfigMaps.
        return broken or [Finding(status=UNKNOWN, subject="ConfigMaps", text=_none(required, others))]
    records = {f"{item.namespace}/{item.name}": item for item in here}
    findings = [*broken, *(_finding(item, here, required) for item in records.values())]
    absent = absent_configmaps(required, {uid: _record(item, required) for uid, item in records.items()})
    return [*findings, *(_absent_finding(record, others, complete=not broken) for record in absent.values())]


def _read(paths: Sequence[str], *, namespace: str) -> tuple[list[Rendered], list[Finding]]:
    """All ConfigMaps, and a finding for each invalid file."""
    found: list[Rendered] = []
    broken: list[Finding] = []
    files: dict[str, None] = {}
    empty = True
    for path in paths:
        with _collect_errors(broken):
            files |= dict.fromkeys(files_in(path))
    for file in files:
        with _collect_errors(broken):
            for item in objects_in(file):
                empty = False
                if _is_configmap(item):
                    with _collect_errors(broken):  # further objects can still be read
                        found.append(_parse(item, namespace))
    if empty and not broken:  # for example if `helm template` failed
        broken.append(Finding(status=UNKNOWN, subject="--filename", text="no Kubernetes object found in the input"))
    return found, broken


@contextlib.contextmanager
def _collect_errors(broken: list[Finding]) -> Iterator[None]:
    try:
        yield
    except ManifestError as error:
        broken.append(_invalid_finding(error))


def _invalid_finding(error: ManifestError) -> Finding:
    location, _, text = str(error).partition(": ")
    return Finding(status=UNKNOWN, subject=location, text=text)


def _is_configmap(item: Object) -> bool:
    """Whether it is a ConfigMap of the core group, whose apiVersion has no slash."""
    return item.kind == "ConfigMap" and "/" not in item.version


def _parse(item: Object, namespace: str) -> Rendered:
    tree = item.tree
    meta = tree.get("metadata") or Mapping()
    names = {key: _name(meta, key, item.location) for key in ("name", "generateName", "namespace")}
    if not names["name"] and not names["generateName"]:
        raise ManifestError(f"{item.location}: a ConfigMap without metadata.name")
    texts = {key: _texts(tree.get(key), key) for key in ("data", "binaryData")}
    faults = [
        *(f"the key {key} is defined twice" for part in (tree, meta) for key in part.repeated),
        *(fault for key in tree if (fault := _spelling_hint(key))),
        *(fault for key in ("labels", "annotations") for fault in _not_texts(meta.get(key), f"metadata.{key}")),
        *([] if isinstance(tree.get("immutable"), bool | None) else ["immutable is neither true nor false"]),
        *([] if item.version == "v1" else [f"apiVersion is {item.version!r} and not 'v1'"]),
        *(fault for _, found in texts.values() for fault in found),
        *(f"key {key!r} is in data and in binaryData" for key in texts["data"][0] if key in texts["binaryData"][0]),
        *(fault for key, text in texts["binaryData"][0].items() if (fault := _not_base64(key, text))),
    ]
    return Rendered(
        location=item.location,
        namespace=names["namespace"] or namespace,
        name=names["name"],
        prefix="" if names["name"] else names["generateName"],
        content=WireConfigMap(data=texts["data"][0], binary_data=texts["binaryData"][0]),
        unread=any(found for _, found in texts.values()),
        faults=tuple(faults),
    )


def _name(meta: Mapping, key: str, location: str) -> str:
    value = meta.get(key)
    if not isinstance(value, str | None):
        raise ManifestError(f"{location}: metadata.{key} of a ConfigMap is not text: put it into quotes")
    return value or ""


def _spelling_hint(key: Any) -> str:
    """A message for an unknown field with a name similar to a known one: the API server would drop it."""
    if key in _FIELDS or not (near := nearest(str(key), _FIELDS)):
        return ""
    return f"unknown field {key!r}; did you mean {near!r}?"


def _not_texts(tree: Any, part: str) -> list[str]:
    """Errors in labels or annotations for which the API server would reject the object."""
    if tree is None:
        return []
    if not isinstance(tree, Mapping):
        return [f"{part} is not a mapping"]
    return [
        f"{part}: the value of {key!r} is not text: put it into quotes" for key in tree if not _is_text(tree[key])
    ]


def _is_text(value: Any) -> bool:
    return isinstance(value, str | None)


def _texts(tree: Any, part: str) -> tuple[dict[str, str], list[str]]:
    """The valid entries of `data` or `binaryData`, and the errors for which the API server would reject it."""
    if tree is None:
        return {}, []
    if not isinstance(tree, Mapping):
        return {}, [f"{part} is not a mapping"]
    good, faults = {}, [f"key {key!r} is defined twice in {part}" for key in tree.repeated]
    for given, value in tree.items():
        key = (
            given if isinstance(given, str) else json.dumps(given, default=str)
        )  # keys such as true and 5 become text
        if not _KEY.fullmatch(key) or key in {".", ".."}:
            faults.append(f"{key!r} is not a key of {part}: keys have letters, digits, -, _ and .")
        elif isinstance(value, str) or value is None:
            good[key] = value or ""
        else:
            faults.append(f"the value of key {key!r} is not text: put it into quotes")
    return good, faults


def _not_base64(key: str, text: str) -> str:
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return f"the value of key {key!r} in binaryData is not base64"
    return ""


def _record(item: Rendered, required: Sequence[RequiredConfigMap]) -> ConfigMap:
    requirement = find_requirement(item.name, required)
    assert requirement is not None  # noqa: S101 - callers pass only required ConfigMaps
    return configmap_from_object(item.content, required=requirement)


def _finding(item: Rendered, here: Sequence[Rendered], required: Sequence[RequiredConfigMap]) -> Finding:
    """Applies the rules of the exporter. Errors for which the API server rejects the object make it unhealthy."""
    record = _record(item, required)
    (finding,) = configmap_findings([record])
    faults = list(item.faults)
    if record.size > CONFIGMAP_LIMIT:
        faults.append(f"{record.size} bytes, over the limit of {CONFIGMAP_LIMIT}")
    if others := [other.location for other in here if other.name == item.name and other is not item]:
        faults.append(f"defined more than once: also at {', '.join(dict.fromkeys(others))}")
    if not faults:
        return dataclasses.replace(finding, text=f"{finding.text} ({item.location})")
    texts = [finding.text] if finding.status == UNHEALTHY and (record.keys or not item.unread) else []
    return dataclasses.replace(finding, status=UNHEALTHY, text=f"{'; '.join(texts + faults)} ({item.location})")


def _absent_finding(absent: ConfigMap, others: Sequence[Rendered], *, complete: bool) -> Finding:
    """A finding for a ConfigMap that was not found; unknown if some input could not be read."""
    text = "missing" if complete else "not found in the documents that could be read"
    hint = next(_hints(absent, others), "")
    return Finding(status=UNHEALTHY if complete else UNKNOWN, subject=f"ConfigMap {absent.uid}", text=text + hint)


def _hints(absent: ConfigMap, others: Sequence[Rendered]) -> Iterator[str]:
    """Similar ConfigMaps: in another namespace, with the suffix of a generator, or with a misspelled name."""
    for item in others:
        if item.name == absent.name:
            yield f"; {item.location} has this name in namespace {item.namespace}"
    for item in others:
        if item.name.startswith(f"{absent.name}-"):
            yield f"; {item.location} has {item.name}: kustomize adds a suffix unless disableNameSuffixHash is set"
        if item.prefix and absent.name.startswith(item.prefix.rstrip("-")):
            yield f"; {item.location} has generateName {item.prefix}, and so no fixed name"
    names = {item.name: item.location for item in others}
    if near := difflib.get_close_matches(absent.name, names, n=1, cutoff=_MIN_SIMILARITY):
        yield f"; did you mean {near[0]} ({names[near[0]]})?"


def _none(required: Sequence[RequiredConfigMap], others: Sequence[Rendered]) -> str:
    """The message if no default ConfigMap is found, which is not reported as healthy."""
    space = required[0].namespace
    hint = next((hint for absent in absent_configmaps(required, {}).values() for hint in _hints(absent, others)), "")
    return (
        f"none of the default names is in these manifests, for namespace {space}{hint}; "
        "set configmaps.required to the names that the controller needs, or to [] if it needs none"
    )
