"""An exporter without a network, whose lists contain the objects that match their path and selectors."""

import re

from exporter.config import CodeRuns, ConfigMaps, Settings
from tests.objects import raw
from tests.property.offline import OfflineExporter, a_list, apply

__all__ = ["ListedExporter", "a_pod", "a_settings", "controlled_by"]

KINDS = {  # by plural name
    "coderuns": "CodeRun",
    "bottoms": "Bottom",
    "jobs": "Job",
    "middles": "Middle",
    "pods": "Pod",
    "sandboxclaims": "SandboxClaim",
    "sandboxes": "Sandbox",
    "tasks": "Task",
    "tops": "Top",
}
TERM = re.compile(r"([^=\s]+)(?:=(\S+))?")


def a_settings(*kinds, **other):
    """Settings with these kinds of runs, and without required ConfigMaps."""
    return Settings(coderuns=CodeRuns(kinds=kinds), configmaps=ConfigMaps(required=()), **other)


class ListedExporter(OfflineExporter):
    """An exporter after the initial lists of `objects`, without those of the resources in `unread`."""

    def __init__(self, settings, *objects, now, unread=()):
        super().__init__(settings, now=now)
        self.objects = {_place(item): item for item in objects}
        for index, informer in enumerate(self.informers):
            if informer.resource not in unread:
                self.list_resource(index)

    def list_resource(self, index):
        """Completes the list of one informer."""
        self.list(index, a_list([bytes(raw(item)) for item in self.objects.values() if self._takes(index, item)]))

    def list_all(self):
        """Completes all lists again."""
        for index in range(len(self.informers)):
            self.list_resource(index)

    def put(self, *objects):
        """Adds or updates objects. Each watch that selects an object gets an event."""
        for item in objects:
            self.objects[_place(item)] = item
            self._watched(item, deleted=False)

    def delete(self, item):
        """Deletes an object. Each watch that selects it gets a DELETED event."""
        del self.objects[_place(item)]
        self._watched(item, deleted=True)

    def values(self, family, **labels):
        """Returns (all labels, value) of the samples of a family that have these labels."""
        lines = [line for line in self.text().splitlines() if line.startswith(f"{family}{{")]
        found = [(dict(re.findall(r'(\w+)="([^"]*)"', line)), float(line.rpartition(" ")[2])) for line in lines]
        return [(own, value) for own, value in found if labels.items() <= own.items()]

    def _watched(self, item, *, deleted):
        for index in range(len(self.informers)):
            if self._takes(index, item):
                decoded = self.sources[index].decode(raw(item))
                apply(self.sinks[index], decoded.uid, None if deleted else decoded.record)

    def _takes(self, index, item):
        watch, meta = self.informers[index].watch, item["metadata"]
        group = item["apiVersion"].rpartition("/")[0]
        if (watch.group, KINDS[watch.plural]) != (group.partition("/")[0], item["kind"]):
            return False
        labels = meta.get("labels") or {}
        terms = [TERM.fullmatch(term) for term in watch.labels.split(",") if term]
        selected = all(term[1] in labels and term[2] in (None, labels[term[1]]) for term in terms)
        phase = (item.get("status") or {}).get("phase")
        return selected and watch.namespace in (None, meta["namespace"]) and watch.fields != f"status.phase!={phase}"


def _place(item):
    return item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]


def controlled_by(run):
    """The ownerReferences of an object that a run controls."""
    meta = run["metadata"]
    return [
        {
            "apiVersion": run["apiVersion"],
            "kind": run["kind"],
            "name": meta["name"],
            "uid": meta["uid"],
            "controller": True,
        }
    ]


def a_pod(name="p", *, of=None, created, phase="Running", containers=("agent",), states=None, spec=None, **meta):
    """A running Pod that the run `of` controls, with a state for each container."""
    status = {
        "phase": phase,
        "containerStatuses": [
            {"name": container, "state": (states or {}).get(container, {"running": {}})} for container in containers
        ],
    }
    metadata = {"name": name, "namespace": "n", "uid": f"pod-{name}", "creationTimestamp": created}
    if of is not None:
        metadata |= {"ownerReferences": controlled_by(of)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata | meta,
        "spec": {
            "containers": [{"name": container, "env": [{"name": "A", "value": "b"}]} for container in containers]
        }
        | (spec or {}),
        "status": status,
    }
