"""Helpers for the drafts of tests: CRDs and objects, and drafts as a settings file loads them."""

import yaml

from exporter.config_file import load
from exporter.drafting import ObservedObjects, draft, parse_definition
from exporter.profiles import resolve

__all__ = ["a_crd", "a_run", "crd_of", "draft_of", "read"]


def a_crd(*, properties=None, columns=None, group="example.com", kind="AgentTask", plural="agenttasks", **version):
    """A CRD with one version, v1, whose schema has these properties."""
    schema = {"type": "object", "properties": properties} if properties is not None else {}
    one = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}} | version
    if columns is not None:
        one["additionalPrinterColumns"] = columns
    names = {"plural": plural, "kind": kind, "singular": kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [one]},
    }


def a_run(*, spec=None, status=None, **metadata):
    """An object of the CRD."""
    return {"metadata": {"name": "a", "namespace": "n"} | metadata, "spec": spec or {}, "status": status or {}}


def draft_of(crd, *objects, workers=(), version=""):
    """The text of the draft that is made from a CRD, its objects and `workers`: pairs of a kind and an object."""
    definition = parse_definition(crd, version=version)
    seen = ObservedObjects(group=definition.group, kind=definition.kind)
    for item in objects:
        seen.add(item)
    for kind, item in workers:
        seen.add_worker(kind, item)
    return draft(definition, seen)


def read(text, folder, *others):
    """The resolved profile of a draft in a settings file with the kinds `others`, and the YAML of the draft."""
    (folder / "draft.yaml").write_text(text)
    (folder / "settings.yml").write_text(f"coderuns: {{kinds: [{', '.join(['draft.yaml', *others])}]}}\n")
    kind = load(str(folder / "settings.yml")).coderuns.kinds[0]
    return resolve(kind), yaml.safe_load(text)


def crd_of(path, name=""):
    """The CRD in a file; by its name, if there are several."""
    found = [one for one in yaml.safe_load_all(path.read_text()) if one]
    return next(one for one in found if name in {"", one["metadata"]["name"]})
