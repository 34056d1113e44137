"""The wire type of Pods, and the records of Pods of Jobs and of worker Pods."""

import datetime as dt
import itertools
import re
from collections.abc import Collection, Sequence

import msgspec

from exporter.cache import SUCCEEDED, Pod
from exporter.resources.containers import ContainerStatus, SpecContainer, cleaned, containers_of, terminated
from exporter.resources.objects import (
    Meta,
    OwnerReference,
    finalizers_of,
    intern_label,
    object_name,
    qualified_names,
    truncate,
    unix_seconds,
)

__all__ = ["Spec", "Status", "WirePod", "finished", "job_of", "main_containers", "pod_record"]

_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_SIDE = re.compile(
    r"(.+-)?(proxy|sidecar|daemon|dind|exporter)|sidecar-.+|docker|promtail|fluent-?bit|fluentd|filebeat|vector|alloy"
    r"|(vault|datadog|grafana|newrelic|consul|azwi|cloudwatch)-agent|otel.*|otc-container|daprd|envoy|consul-dataplane"
    r"|postgres(ql)?|mysql|mariadb|mongo(db)?|redis|valkey|rabbitmq|memcached|minio|localstack"
)
"""Names of containers that are usually helpers of the main container."""
_PREEMPTION = re.compile(r"(?<=\.)[^.]* preemption: .*| preemption: .*", re.DOTALL)
"""The sentence that the scheduler appends: why it cannot help itself by preemption, for each node again."""
_INDEX = "batch.kubernetes.io/job-completion-index"
_MAX_INDEX_DIGITS = 9
_MAX_IMAGE_VOLUMES = 5
_ENDED = frozenset({SUCCEEDED, "Failed"})


class Named(msgspec.Struct):
    """A scheduling gate, or a reference to a Secret."""

    name: str | None = None


class ImageSource(msgspec.Struct):
    """`image` of a volume."""

    reference: str | None = None


class Volume(msgspec.Struct):
    """An item of `spec.volumes`, without its content."""

    name: str | None = None
    image: ImageSource | None = None


class Spec(msgspec.Struct, rename="camel"):
    """`spec`, without commands, environment and the content of volumes."""

    node_name: str | None = None
    active_deadline_seconds: float | None = None
    init_containers: list[SpecContainer] | None = None
    containers: list[SpecContainer] | None = None
    scheduling_gates: list[Named] | None = None
    scheduler_name: str | None = None
    image_pull_secrets: list[Named] | None = None
    volumes: list[Volume] | None = None


class PodCondition(msgspec.Struct, rename="camel"):
    """An item of `status.conditions`."""

    type: str | None = None
    status: str | None = None
    reason: str | None = None
    message: str | None = None
    last_transition_time: dt.datetime | None = None


class Status(msgspec.Struct, rename="camel"):
    """`status`, set by the kubelet and the scheduler."""

    phase: str | None = None
    reason: str | None = None
    message: str | None = None
    start_time: dt.datetime | None = None
    conditions: list[PodCondition] | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    container_statuses: list[ContainerStatus] | None = None


class WirePod(msgspec.Struct):
    """A Pod on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: Spec | None = None
    status: Status | None = None


def pod_record(
    pod: WirePod, *, mains: Collection[str], owner: str = "", named: bool = False, with_ids: bool = False
) -> Pod:
    """The record of a Pod. `mains` are the names of its main containers; for `owner` and `named`, see Pod.

    `with_ids`: the main containers have their ID.
    """
    meta, spec, status = pod.metadata, pod.spec or Spec(), pod.status or Status()
    statuses = [*(status.init_container_statuses or ()), *(status.container_statuses or ())]
    containers, more = containers_of(
        init=spec.init_containers or (),
        regular=spec.containers or (),
        statuses=statuses,
        mains=mains,
        with_ids=with_ids,
    )
    scheduled = condition(status, "PodScheduled", "False") or PodCondition()
    is_seen = bool(spec.node_name) or any(item.type == "PodScheduled" for item in status.conditions or ())
    ready = next((item for item in status.conditions or () if item.type == "Ready"), None)
    sandbox = condition(status, "PodReadyToStartContainers", "True") or PodCondition()
    disrupted = condition(status, "DisruptionTarget", "True") or PodCondition()
    return Pod(
        uid=meta.uid or f"{meta.namespace or ''}/{meta.name or ''}",
        namespace=intern_label(meta.namespace),
        name=object_name(meta.name),
        owner=truncate(owner),
        named=named,
        node=object_name(spec.node_name),
        phase=intern_label(status.phase),
        reason=intern_label(status.reason),
        message=cleaned(status.message),
        disruption=intern_label(disrupted.reason),
        created=unix_seconds(meta.creation_timestamp),
        started=unix_seconds(status.start_time),
        deleted=unix_seconds(meta.deletion_timestamp),
        finalizers=finalizers_of(meta),
        finished=finished(status) if status.phase in _ENDED else None,
        gated=bool(spec.scheduling_gates),
        gates=qualified_names(gate.name for gate in spec.scheduling_gates or ()),
        pull_secrets=qualified_names(item.name for item in spec.image_pull_secrets or ()),
        image_volumes=_image_volumes(spec),
        unscheduled=": ".join(
            filter(None, (intern_label(scheduled.reason), cleaned(_PREEMPTION.sub("", scheduled.message or ""))))
        ),
        unscheduled_since=unix_seconds(scheduled.last_transition_time),
        scheduler="" if is_seen else intern_label(spec.scheduler_name),
        ready=None if ready is None else ready.status == "True",
        ready_since=unix_seconds(ready.last_transition_time) if ready is not None else None,
        sandbox_since=unix_seconds(sandbox.last_transition_time),
        index=_index_of(meta),
        containers=containers,
        more_containers=more,
    )


def _index_of(meta: Meta) -> int | None:
    text = (meta.annotations or {}).get(_INDEX, "")
    return int(text) if 0 < len(text) <= _MAX_INDEX_DIGITS and text.isdecimal() else None


def _image_volumes(spec: Spec) -> tuple[tuple[str, str], ...]:
    found = ((one.name, one.image.reference) for one in spec.volumes or () if one.image is not None)
    named = ((object_name(name), cleaned(image)) for name, image in found if name and image)
    return tuple(itertools.islice(named, _MAX_IMAGE_VOLUMES))


def condition(status: Status, name: str, value: str) -> PodCondition | None:
    """The condition of this type, if it has this status."""
    return next((item for item in status.conditions or () if (item.type, item.status) == (name, value)), None)


def finished(status: Status) -> float | None:
    """The end of the last container; without one (eviction), the last transition of a condition."""
    ends = [unix_seconds(end.finished_at) for _, end in terminated(status.container_statuses)]
    changes = [unix_seconds(item.last_transition_time) for item in status.conditions or ()]
    return max((end for end in ends if end), default=None) or max((at for at in changes if at), default=None)


def main_containers(
    pod: WirePod, *, labelled: Collection[str], pattern: re.Pattern[str] | None, is_strict: bool = False
) -> list[str]:
    """The names of the main containers: the names in `labelled`, else the names that match `pattern`.

    If there are none, and unless `is_strict` with a pattern: the default container of `kubectl logs`, which an
    annotation names; else the only container; else the only container that is not a well-known helper.
    """
    spec, status = pod.spec or Spec(), pod.status or Status()
    given: Sequence[SpecContainer | ContainerStatus] = spec.containers or status.container_statuses or ()
    names = [item.name for item in given if item.name]
    if found := [name for name in names if name in labelled]:
        return found
    if pattern and ((found := [name for name in names if pattern.fullmatch(name)]) or is_strict):
        return found
    default = (pod.metadata.annotations or {}).get(_DEFAULT_CONTAINER)
    if default in names:
        return [default]
    others = names if len(names) == 1 else [name for name in names if not _SIDE.fullmatch(name)]
    return others if len(others) == 1 else []


def job_of(references: Sequence[OwnerReference]) -> str:
    """The UID of the Job that controls an object; empty if none does."""
    jobs = (item for item in references if item.controller and item.kind == "Job")
    owner = next((item for item in jobs if (item.api_version or "").startswith("batch/")), None)
    return (owner.uid or "") if owner is not None else ""
