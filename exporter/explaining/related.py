"""Adds to the findings of a run the workloads and failing pods of a dump that may be their cause."""

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from exporter.diagnosis.cause_texts import CLUSTER
from exporter.diagnosis.explanation import Explanation, FindingView
from exporter.diagnosis.finding import MAX_EVIDENCE
from exporter.explaining.external_secrets import ExternalSecret
from exporter.explaining.finalizer_owners import with_finalizer_owner
from exporter.explaining.lost_nodes import with_lost_nodes
from exporter.explaining.namespaces import with_namespace
from exporter.explaining.other_pods import OtherPod
from exporter.explaining.queue_controllers import with_queue_controller
from exporter.explaining.snapshot import Snapshot
from exporter.explaining.tainted import with_tainted_nodes
from exporter.explaining.volume_files import with_volume_file
from exporter.explaining.waits import with_memory_limit, with_service, with_webhook
from exporter.explaining.workloads_down import DownWorkload
from exporter.untrusted import shorten

__all__ = ["Related", "down_note", "with_related"]

_CONTROLLER_CAUSES: Final = frozenset(
    {
        *("controller_idle", "not_reconciled", "reconcile_failing", "run_not_updated"),
        *("job_missing", "no_worker", "job_deleting"),
    }
)
"""Causes that may mean that the controller is not running."""
_NODE_CAUSES: Final = frozenset({"container_cannot_be_created", "volume_waiting"})
"""Causes that may mean that the pod of a network plugin or driver on the node fails."""
_SCHEDULER: Final = re.compile(r"spec\.schedulerName is ([a-z0-9.-]+),")
_CONTROLLER: Final = re.compile(r"controller|operator|manager|orchestrat|reconcil|platform")
"""Names of workloads that may be the controller."""
_PLUGIN: Final = re.compile(r"sandbox|plugin|network|csi\b", re.IGNORECASE)
_GENERIC: Final = frozenset({"kube", "system", "node", "agent", "plugin", "driver", "controller", "default", "pod"})
"""Words in names of pods that say nothing."""
_AROUND_SECONDS: Final = 3600.0
_MAX_SHOWN: Final = 3
_SYNC: Final = "Correct the object in the external store, the ExternalSecret or its access to the store."
_MEMORY: Final = "Raise the memory limit of the controller."
_SCALE: Final = "Scale it up; if it is scaled to 0 on purpose, no run is processed."


class Related(NamedTuple):
    """`first`: the creation of the oldest run that no controller has processed, in seconds since the epoch."""

    pods: Sequence[OtherPod]
    workloads: Sequence[DownWorkload]
    secrets: Sequence[ExternalSecret]
    first: float | None = None


def with_related(runs: Iterable[Explanation], snapshot: Snapshot) -> Iterator[Explanation]:
    """The runs, whose findings name the objects of a dump that may be their cause."""
    runs = [*runs]
    idle = [one.created for one in runs if one.created and any(f.cause == "not_reconciled" for f in one.findings)]
    first = min(idle).timestamp() if idle else None
    nodes = [*snapshot.nodes.values()]
    related = Related(snapshot.failing, snapshot.down, snapshot.unready, first)
    for run in runs:
        owned = (with_finalizer_owner(one, snapshot.failing, snapshot.down) for one in run.findings)
        closed = (with_tainted_nodes(one, nodes, snapshot.failing) for one in owned)
        filed = (with_volume_file(one, run, snapshot.specs) for one in closed)
        waiting = (with_webhook(with_service(one, run, snapshot), snapshot) for one in filed)
        limited = (with_memory_limit(one, run, snapshot) for one in waiting)
        found = msgspec.structs.replace(run, findings=tuple(_finding(one, run, related) for one in limited))
        found = with_namespace(found, snapshot.namespaces, knows_pods="Pod" not in snapshot.missing)
        found = with_queue_controller(found, snapshot.failing, snapshot.down)
        yield with_lost_nodes(found, snapshot.nodes)


def _finding(one: FindingView, run: Explanation, related: Related) -> FindingView:
    if one.cause in _CONTROLLER_CAUSES or _is_of_controller(one, run):
        if (down := _down_controller(run, related)) is not None:
            return _of_workload(one, down)
        return _of_pods(one, _controllers(run, related), "of this namespace")
    if one.cause == "pod_secret_missing":
        return _of_secret(one, run, related.secrets)
    if match := _SCHEDULER.search(one.evidence) if one.cause == "scheduler_absent" else None:
        name = match[1].removesuffix("-scheduler")
        named = [pod for pod in related.pods if "schedul" in pod.name and (name == "default" or name in pod.name)]
        return _of_pods(one, named, "of that scheduler")
    if one.cause in _NODE_CAUSES and _PLUGIN.search(one.evidence):
        nodes = {pod.node for worker in run.workers for pod in worker.pods if pod.node}
        others = (pod for pod in related.pods if pod.node in nodes and pod.namespace != run.namespace)
        near = [pod for pod in others if _is_named(pod, one.evidence)]
        return _of_pods(one, near, "on its node")
    return one


def _is_of_controller(one: FindingView, run: Explanation) -> bool:
    """Whether a finalizer keeps the run that has the name of its kind, such as `coderuns.example.com/finalizer`."""
    finalizers, keeps, kept = one.evidence.partition(f" {run.kind} ")
    own = re.compile(rf"\b{re.escape(run.kind.lower())}s?\.")
    return one.cause == "finalizer_stuck" and bool(keeps and kept and own.search(finalizers))


def _down_controller(run: Explanation, related: Related) -> DownWorkload | None:
    """The workload that may be the controller, unless it has a failing pod: that says more."""
    near = [pod.name for pod in related.pods if pod.namespace == run.namespace]
    for down in related.workloads:
        if down.namespace == run.namespace and _CONTROLLER.search(down.name):
            return None if any(name.startswith(f"{down.name}-") for name in near) else down
    return None


def _controllers(run: Explanation, related: Related) -> list[OtherPod]:
    """The failing pods that may be the controller: by their names, else those that began to fail with the runs.

    The pod of a stranger is the wrong next step, so one of another name needs a time that fits.
    """
    near = [pod for pod in related.pods if pod.namespace == run.namespace]
    if named := [pod for pod in near if _CONTROLLER.search(pod.name)]:
        return named
    now, first = run.observed.timestamp() if run.observed else None, related.first
    began = [(pod, pod.failing_since(now)) for pod in near]
    return [pod for pod, at in began if at and first and abs(at - first) <= _AROUND_SECONDS]


def _is_named(pod: OtherPod, evidence: str) -> bool:
    """Whether the evidence contains a word of the pod's name, such as that of the network plugin."""
    words = set(re.findall(r"[a-z]{3,}", evidence.lower())) - _GENERIC
    return any(part in words for part in pod.name.split("-"))


def _of_workload(one: FindingView, down: DownWorkload) -> FindingView:
    kind = down.kind.lower()
    text = f"{one.evidence}; {down.kind} {down.name} of this namespace {down.why}"
    command = f"kubectl -n {shlex.quote(down.namespace)} describe {kind} {shlex.quote(down.name)}"
    fix = _SCALE if "0 replicas" in down.why else one.fix
    return msgspec.structs.replace(one, evidence=shorten(text, limit=MAX_EVIDENCE), next=command, fix=fix)


def _of_secret(one: FindingView, run: Explanation, secrets: Sequence[ExternalSecret]) -> FindingView:
    """The finding, with the ExternalSecret that should create the missing Secret."""
    for secret in secrets:
        if secret.namespace == run.namespace and f'"{secret.target}" not found' in one.evidence:
            text = f"{one.evidence}; ExternalSecret {secret.name} is not ready: {secret.why}"
            name = shlex.quote(secret.name)
            command = f"kubectl -n {shlex.quote(run.namespace)} describe externalsecrets.external-secrets.io {name}"
            return msgspec.structs.replace(
                one, evidence=shorten(text, limit=MAX_EVIDENCE), next=command, fix=_SYNC, act=CLUSTER
            )
    return one


def _of_pods(one: FindingView, pods: Sequence[OtherPod], where: str) -> FindingView:
    if not pods:
        return one
    texts = (f"pod {pod.name} {where} fails: {pod.why}" for pod in pods[:_MAX_SHOWN])
    command = f"kubectl -n {shlex.quote(pods[0].namespace)} describe pod {shlex.quote(pods[0].name)}"
    evidence = shorten("; ".join((one.evidence, *texts)), limit=MAX_EVIDENCE)
    fix = _MEMORY if one.cause in _CONTROLLER_CAUSES and "OOMKilled" in pods[0].why else one.fix
    return msgspec.structs.replace(one, evidence=evidence, next=command, fix=fix)


def down_note(runs: Iterable[Explanation], down: Sequence[DownWorkload]) -> Iterator[str]:
    """A note about the workloads of other namespaces that are down, if the controller does not process a run."""
    spaces = {run.namespace for run in runs if any(one.cause in _CONTROLLER_CAUSES for one in run.findings)}
    if others := [one for one in down if spaces and one.namespace not in spaces]:
        more = f" and {len(others) - _MAX_SHOWN} more" if len(others) > _MAX_SHOWN else ""
        texts = "; ".join(f"{one.kind} {one.namespace}/{one.name} {one.why}" for one in others[:_MAX_SHOWN])
        yield f"Workloads of other namespaces: {texts}{more}"
