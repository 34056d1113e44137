"""The exporter without its network, with lists of the objects that each path and label selector takes."""

import re

from exporter.config import CodeRuns, ConfigMaps, Settings
from tests.objects import raw
from tests.property.pictures import Parts, a_list, apply

__all__ = ["Listed", "a_pod", "a_settings", "controlled_by"]

KINDS = {
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


class Listed(Parts):
    """What the composition root builds, after the first list of all that is not `unread`, by resource."""

    def __init__(self, settings, *objects, now, unread=()):
        super().__init__(settings, now=now)
        self.objects = {_place(item): item for item in objects}
        for index, feed in enumerate(self.feeds):
            if feed.resource not in unread:
                self.read(index)

    def read(self, index):
        """One list."""
        self.list(index, a_list([bytes(raw(item)) for item in self.objects.values() if self._takes(index, item)]))

    def list_all(self):
        """Every list once more."""
        for index in range(len(self.feeds)):
            self.read(index)

    def put(self, *objects):
        """Objects are new or changed; each list that takes one gets it, as a watch does."""
        for item in objects:
            self.objects[_place(item)] = item
            self._watched(item, gone=False)

    def delete(self, item):
        """An object is gone."""
        del self.objects[_place(item)]
        self._watched(item, gone=True)

    def values(self, family, **labels):
        """The values of the series of a family that have these labels, each with all its labels."""
        lines = [line for line in self.text().splitlines() if line.startswith(f"{family}{{")]
        found = [(dict(re.findall(r'(\w+)="([^"]*)"', line)), float(line.rpartition(" ")[2])) for line in lines]
        return [(own, value) for own, value in found if labels.items() <= own.items()]

    def _watched(self, item, *, gone):
        for index in range(len(self.feeds)):
            if self._takes(index, item):
                decoded = self.sources[index].decode(raw(item))
                apply(self.sinks[index], decoded.uid, None if gone else decoded.record)

    def _takes(self, index, item):
        watch, meta = self.feeds[index].watch, item["metadata"]
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
    """The ownerReferences of what a run controls."""
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
    """A Pod of the run `of`, with a state for each container; by default it runs."""
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
