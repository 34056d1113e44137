"""The objects of a platform and what its profile reads from them: the state of each run and of its worker."""

import collections
import pathlib

import msgspec

from exporter.kube.decode import Decoder
from exporter.profiles import resolve
from exporter.resources.coderuns import run_from_object
from exporter.resources.jobs import WireJob, job_from_object
from exporter.resources.kinds import run_kinds
from lab.worlds.loading import documents
from tests.objects import raw

__all__ = ["FOLDER", "PlatformObjects", "expected"]

FOLDER = pathlib.Path(__file__).parent / "objects"
FINISHED = {"Succeeded", "Failed"}


def expected(item):
    """The annotations of an object that define the expected results, without their prefix."""
    marks = item["metadata"].get("annotations") or {}
    return {key.removeprefix("expect/"): value for key, value in marks.items() if key.startswith("expect/")}


class PlatformObjects:
    """The objects of one directory, read with these shipped profiles."""

    def __init__(self, folder, names, *, now):
        paths = sorted((FOLDER / folder).glob("[1-9]*.yaml"))
        self.objects = [item for path in paths for item in documents(path, snapshot=now)]
        self.kinds = run_kinds([resolve(name) for name in names])
        self._children = collections.defaultdict(list)
        for item in self.objects:
            for owner in item["metadata"].get("ownerReferences", ()):
                if owner.get("controller"):
                    self._children[owner["uid"]].append(item)

    def job(self, item):
        """The record of a Job; None if it is not exposed."""
        wire, whole = Decoder(WireJob).decode(raw(item))
        assert whole
        return job_from_object(wire, kinds=self.kinds, match_labels={})

    def kind_of(self, item):
        """The kind of a custom resource; None if no profile has it."""
        group = item["apiVersion"].partition("/")[0]
        return next((kind for kind in self.kinds if (kind.group, kind.kind) == (group, item["kind"])), None)

    def run(self, item):
        """The record of a run that is a custom resource."""
        kind = self.kind_of(item)
        wire, whole = Decoder(kind.reader.type).decode(raw(item))
        assert whole
        return run_from_object(wire, kind=kind)

    def state(self, item):
        """The state that the profile reads, or that of the Job's own status."""
        if item["apiVersion"] != "batch/v1":
            return self.run(item).state
        job = self.job(item)
        if job is None:
            return "not-a-run"
        return job.result or ("waiting" if job.suspended else "open")

    def worker(self, item):
        """Whether the worker of a run is `alive`, `over` or `none`."""
        if item["apiVersion"] == "batch/v1":
            return self._seen([item], [])
        kind = self.kind_of(item)
        values = kind.reader.values(msgspec.convert(item, kind.reader.type, strict=False))
        worker = kind.reader.worker(values)
        name = worker.names(values)[1]
        found = [child for child in self._children[item["metadata"]["uid"]] if child["kind"] == worker.kind]
        if worker.kind == "Pod" and not found and name:
            found = [one for one in self.objects if (one["kind"], one["metadata"]["name"]) == ("Pod", name)]
        return self._seen(found, [one for one in found if one["apiVersion"] == "batch/v1"])

    def _pods(self, workers):
        for worker in workers:
            yield from [worker] if worker["kind"] == "Pod" else self._pods(self._children[worker["metadata"]["uid"]])

    def _seen(self, workers, jobs):
        pods = [pod.get("status", {}).get("phase") for pod in self._pods(workers)]
        results = [self.job(one).result for one in workers if one["apiVersion"] == "batch/v1"]
        if set(pods) - FINISHED or any(not self.job(one).result for one in jobs):
            return "alive"
        return "over" if pods or any(results) else "none"
