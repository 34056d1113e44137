"""Reads a CRD from manifests, such as the output of `kubectl get crd NAME -o yaml`.

Its objects, and the objects that they control, are used as if read from a cluster.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from exporter.checks.documents import ManifestError
from exporter.checks.manifests import Object, files_in, objects_in
from exporter.drafting.definition import Definition, DraftError, parse_definition
from exporter.drafting.observed import ObservedObjects
from exporter.profiles.language import Resource, parse_resource

__all__ = ["read_files"]

_CRD: Final = "CustomResourceDefinition"
_GROUP: Final = "apiextensions.k8s.io/v1"


def read_files(paths: Sequence[str], name: str) -> tuple[Definition, ObservedObjects]:
    """The CRD and the observed objects. `name` selects one of several CRDs. Raises DraftError."""
    try:
        objects = [found for path in paths for file in files_in(path) for found in objects_in(file)]
    except ManifestError as error:
        raise DraftError(str(error)) from error
    crd, version = _chosen([one for one in objects if one.kind == _CRD], name)
    if crd.version != _GROUP:
        raise DraftError(f"{crd.location}: apiVersion of the CRD must be {_GROUP}, not {crd.version}")
    try:
        definition = parse_definition(crd.tree, version=version)
    except DraftError as error:
        raise DraftError(f"{crd.location}: {error}") from error
    return definition, _observed(definition, objects)


def _chosen(crds: Sequence[Object], name: str) -> tuple[Object, str]:
    if not crds:
        raise DraftError(f"--filename: there is no {_CRD} in these manifests")
    wanted: Resource = parse_resource(name)
    named = {str((one.tree.get("metadata") or {}).get("name")): one for one in crds}
    if not name and len(crds) == 1:
        return crds[0], ""
    if name and (wanted.name in named or name in named):
        return (named[wanted.name], wanted.version) if wanted.name in named else (named[name], "")
    listed = ", ".join(sorted(named)[:10])
    raise DraftError(
        f"--filename: {f'there is no CRD {name}' if name else 'name one of its CRDs'}; there are: {listed}"
    )


def _observed(definition: Definition, objects: Iterable[Object]) -> ObservedObjects:
    observed = ObservedObjects(group=definition.group, kind=definition.kind)
    for one in objects:
        if (one.version.partition("/")[0], one.kind) == (definition.group, definition.kind):
            observed.add(one.tree)
        else:
            observed.add_worker(one.kind, one.tree)
    return observed
