"""Assigns the objects of a dump to the lists of the exporter, and decides which lists the dump does not contain."""

from typing import Any, Final

import msgspec

from exporter.cache import CODERUNS, CONFIGMAPS, EVENTS, JOBS, WORKFLOWS, Event, Job, Run
from exporter.diagnosis.queues import WORKLOAD
from exporter.diagnosis.volumes import CLAIM
from exporter.explaining.clock import times_of
from exporter.explaining.core_events import event_of
from exporter.explaining.external_secrets import EXTERNAL_SECRET, unready_secret
from exporter.explaining.managed_fields import spec_changed
from exporter.explaining.node_clocks import NodeClocks
from exporter.explaining.nodes import NODE, node_state
from exporter.explaining.other_pods import failing_pod
from exporter.explaining.pod_specs import labels_of
from exporter.explaining.services import SERVICES
from exporter.explaining.snapshot import Snapshot
from exporter.explaining.workloads import GROUP, event_of_workload
from exporter.explaining.workloads_down import APPS, down_workload
from exporter.informers import Informer
from exporter.profiles import Profile
from exporter.profiles.language import Worker
from exporter.resources.jobs import WireJob, job_from_object
from exporter.resources.kinds import run_kinds
from exporter.resources.pod_objects import WirePod
from exporter.resources.pods import pod_from_object
from exporter.resources.workflows import GROUP as ARGO

__all__ = ["Objects"]

_EXPIRED: Final = (
    "The list of Events is empty: Kubernetes deletes them after an hour. The log of the kubelet on the node has the"
    " reason; a pod that replaces a deleted one has new Events"
)
_MARK: Final = "coderun-exporter/explain"
_KINDS: Final = {("", "ConfigMap"): "configmaps", ("batch", "Job"): "jobs", ("", "Pod"): "pods"}
_MAX_ELSEWHERE: Final = 100
_MAX_NODES: Final = 10_000
_EVENTS: Final = {"", "events.k8s.io"}
_BUILT_IN: Final = _EVENTS | {"coordination.k8s.io"}


class Objects:
    """The objects of a dump. `is_cut`: the dump is truncated, so objects that are not in it may exist.

    `empty` are the kinds of the lists without items.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.is_cut = False
        self.empty: set[str] = set()
        self._clocks = NodeClocks()
        self._by_type: dict[tuple[str, str], list[Informer]] = {}
        for informer in snapshot.informers:
            self._by_type.setdefault((informer.watch.group, informer.watch.plural), []).append(informer)
        self._kinds = dict(_KINDS) | {(kind.group, kind.kind): kind.plural for kind in snapshot.kinds}
        self._jobs = msgspec.json.Decoder(WireJob)
        self._pods = msgspec.json.Decoder(WirePod)
        self._any = run_kinds([Profile(group=_MARK, plural="any", worker=Worker(is_="Pod", named=".x"))])
        self._seen: set[str] = set()
        self._configmap_namespaces: set[str] = set()
        self._elsewhere: list[tuple[msgspec.Raw, Any, Any]] = []
        self._others: dict[str, dict[str, Job]] = {"Job": {}, "Pod": {}}

    def add(self, raw: msgspec.Raw, *, kind: str, version: str) -> None:
        """Adds a run, Job, Pod, Event, ConfigMap or Argo Workflow. Ignores other objects."""
        group = version.partition("/")[0] if "/" in version else ""
        self._see_times(raw, kind, group)
        if kind == "Event" and group in _EVENTS:
            self._add_event(raw, is_core=not group)
            return
        if (group, kind) == (GROUP, WORKLOAD):
            self._put_event(event_of_workload(raw))
            return
        plural = self._kinds.get((group, kind))
        if plural is None:
            self._add_related(raw, group, kind)
            return
        self._seen.add(kind if kind in {"Job", "Pod", "ConfigMap"} else CODERUNS)
        if kind == "ConfigMap":
            self._add_configmap(raw)
            return
        records = [self.snapshot.add(informer, raw) for informer in self._by_type.get((group, plural), ())]
        if kind == "Pod" and any(records):
            self.snapshot.claims.add(raw)
            self.snapshot.specs.add(raw)
        for record in records:
            if isinstance(record, Run):
                record.spec_changed = spec_changed(raw)
        if not any(records) and kind in {"Job", "Pod"}:
            self._add_other(raw, kind)

    def _add_related(self, raw: msgspec.Raw, group: str, kind: str) -> None:
        """Adds an Argo Workflow, a Node, a claim, a workload without pods, or an ExternalSecret that is not ready."""
        if (group, kind) == NODE and len(self.snapshot.nodes) < _MAX_NODES:
            node = node_state(raw)
            self.snapshot.nodes[node.name] = node
        if (group, kind) == ("", CLAIM):
            self.snapshot.claims.add_claim(raw)
        if (group, kind) == (ARGO, "Workflow"):
            for informer in self.snapshot.of(WORKFLOWS):
                self.snapshot.add(informer, raw)
        if (group, kind) in SERVICES:
            self.snapshot.services.add(raw, kind)
        if (group, kind) == ("", "Namespace"):
            self.snapshot.namespaces.add(raw)
        if (group, kind) == EXTERNAL_SECRET and len(self.snapshot.unready) < _MAX_ELSEWHERE:
            secret = unready_secret(raw)
            self.snapshot.unready += [secret] if secret is not None else []
        if group == APPS[0] and kind in APPS[1]:
            self.snapshot.namespaces.add_workload(raw)
        if group == APPS[0] and kind in APPS[1] and len(self.snapshot.down) < _MAX_ELSEWHERE:
            found = down_workload(raw, kind)
            self.snapshot.down += [found] if found is not None else []

    def _see_times(self, raw: msgspec.Raw, kind: str, group: str) -> None:
        """Times that a node has written count only when all evidence about its clock is known: see `finish`."""
        times = [*times_of(bytes(raw), group=group)]
        if group in _BUILT_IN and (node := self._clocks.node_of(raw, kind)):
            self._clocks.see(node, times, latest=self.snapshot.latest)
        else:
            self.snapshot.see(times)

    def _add_event(self, raw: msgspec.Raw, *, is_core: bool) -> None:
        self._seen.add("Event")
        self._put_event(event_of(raw, is_core=is_core))

    def _put_event(self, event: Event | None) -> None:
        if event is not None:
            for informer in self.snapshot.of(EVENTS):
                self.snapshot.put(informer, event.uid, event)

    def _add_configmap(self, raw: msgspec.Raw) -> None:
        tree = _tree(raw)
        meta = tree.get("metadata") if isinstance(tree, dict) else None
        found = [meta.get(name) for name in ("namespace", "name")] if isinstance(meta, dict) else ["", ""]
        namespace, name = (text if isinstance(text, str) else "" for text in found)
        self._configmap_namespaces.add(namespace)
        if self._put_configmap(raw, namespace, name) or len(self._elsewhere) == _MAX_ELSEWHERE:
            return
        if any(required.matches(name) for required in self.snapshot.configmaps):
            self._elsewhere.append((raw, namespace, name))

    def _put_configmap(self, raw: msgspec.Raw, namespace: Any, name: Any) -> bool:
        found = [one for one in self.snapshot.of(CONFIGMAPS) if one.watch.namespace == namespace]
        for informer in found:
            if informer.watch.name in {"", name}:
                self.snapshot.add(informer, raw)
        return bool(found)

    def _move_configmaps(self) -> None:
        """If all required ConfigMaps of the dump are in one other namespace, reads them there.

        The platform may run in another namespace than the default one.
        """
        namespaces = {str(namespace) for _, namespace, _ in self._elsewhere}
        expected = {informer.watch.namespace for informer in self.snapshot.of(CONFIGMAPS)}
        if len(namespaces) == 1 and expected.isdisjoint(self._configmap_namespaces):
            self.snapshot.move_configmaps(namespaces.pop())
            for raw, namespace, name in self._elsewhere:
                self._put_configmap(raw, namespace, name)

    def _add_other(self, raw: msgspec.Raw, kind: str) -> None:
        """Adds a Job or Pod that the settings do not select. It is explained only if the dump has no runs."""
        try:
            job = self._other_pod(raw) if kind == "Pod" else self._other_job(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if job is not None:
            self._others[kind][job.uid] = job
            if job.pod is not None:
                self.snapshot.namespaces.has_pod(job.namespace)
                self.snapshot.claims.add_other(raw, job.pod)
            pod = None if job.pod is None else failing_pod(job.pod)
            if pod is not None and len(self.snapshot.failing) < _MAX_ELSEWHERE:
                self.snapshot.failing.append(pod._replace(labels=labels_of(raw)))

    def _other_job(self, raw: msgspec.Raw) -> Job | None:
        wire = self._jobs.decode(raw)
        wire.metadata.labels = {**(wire.metadata.labels or {}), _MARK: ""}
        return job_from_object(wire, kinds=self.snapshot.all_kinds, match_labels={_MARK: ""})

    def _other_pod(self, raw: msgspec.Raw) -> Job | None:
        """The worker Pod, without its owner, which may be of any kind."""
        job = pod_from_object(self._pods.decode(raw), kinds=self._any)
        return None if job is None else msgspec.structs.replace(job, owner="", is_named=False)

    @property
    def has_workloads(self) -> bool:
        """Whether the dump has runs, Jobs or Pods."""
        return not self._seen.isdisjoint((CODERUNS, "Job", "Pod"))

    def finish(self) -> None:
        """Decides which partitions are known. A dump without objects of a kind may not contain that kind."""
        snapshot = self.snapshot
        snapshot.is_partial = self.is_cut
        snapshot.see(self._clocks.newest())
        snapshot.correct(self._clocks.corrected)
        snapshot.notes += self._clocks.notes()
        if snapshot.configmaps and not self._has_list("ConfigMap"):
            snapshot.lacks_configmaps = frozenset(kind.kind for kind in snapshot.kinds if kind.requires_configmaps)
        self._move_configmaps()
        is_mixed = len(self._seen) > 1
        for informer in snapshot.informers:
            if self._is_known(informer, is_mixed=is_mixed):
                snapshot.known[informer.table].add(informer.partition)
        if CODERUNS not in self._seen:
            jobs = next(informer for informer in snapshot.of(JOBS) if informer.watch.plural == "jobs")
            for uid, job in self._others["Job" if "Job" in self._seen else "Pod"].items():
                snapshot.put(jobs, uid, job)
        elif "Job" not in self._seen and is_mixed:
            snapshot.notes.append("The dump has no Jobs: this is taken as none, because it has other kinds")
        missing = [name for name in ("Pod", "Event") if not self._has_list(name)]
        snapshot.missing = tuple(missing)
        if "Event" not in self._seen | {*missing}:
            snapshot.notes.append(_EXPIRED)

    def _has_list(self, kind: str) -> bool:
        """Whether there are objects of this kind, or an empty list: kubectl gives all its lists the kind List."""
        return kind in self._seen or not self.empty.isdisjoint(("List", f"{kind}List"))

    def _is_known(self, informer: Informer, *, is_mixed: bool) -> bool:
        if informer.table == EVENTS:
            return self._has_list("Event")
        if self.is_cut:
            return False
        if informer.table == CONFIGMAPS:
            return (informer.watch.namespace or "") in self._configmap_namespaces
        if informer.table in {CODERUNS, WORKFLOWS}:
            return CODERUNS in self._seen
        if informer.watch.plural == "jobs":
            return "Job" in self._seen or is_mixed
        return self._has_list("Pod")


def _tree(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
