"""A finding: one cause with its evidence and the next command."""

import shlex
import string
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from exporter.cache import Job, Pod, Run
from exporter.diagnosis.causes import CAUSES, RECOVERED
from exporter.diagnosis.lasting import is_lasting
from exporter.diagnosis.next_by_text import next_of
from exporter.untrusted import one_line

__all__ = [
    "MAX_EVIDENCE",
    "Finding",
    "Subject",
    "distinct",
    "fault_from",
    "found",
    "is_fault",
    "mark_recovered",
    "of_job",
    "of_pod",
    "of_run",
]


MAX_EVIDENCE: Final = 600
"""Characters. In metrics it is as long as a label may be."""


_ON_NODE: Final = frozenset(
    {
        *("container_cannot_be_created", "container_lost", "evicted", "image_pull", "node_rejected"),
        *("pod_not_starting", "volume_waiting"),
    }
)
"""Causes for which the node of the pod may matter."""


class Finding(msgspec.Struct, frozen=True, gc=False):
    """`cause` is a name in the table of causes. `since` is in seconds since the epoch, `next` is the next command."""

    cause: str
    evidence: str
    since: float | None = None
    next: str = ""
    act: str = ""
    """The people who can correct it; empty: those in the table of causes."""
    fix: str = ""
    """What corrects it; empty: the fix of its cause."""
    node: str = ""
    """The node, if it matters for the cause. Not in the evidence, which is a label."""
    more: int = 0
    """Pods with the same cause that are in no finding. Not in the evidence, which is a label."""
    grace: float = 0.0
    """Seconds for which the state is normal, if they are more than those in the table of causes."""
    begun: float | None = None
    """When the grace period begins, such as the creation of the Pod; None: at `since`."""
    at_once: bool = False
    """Whether it is a fault at once: its run or worker has failed, so nothing will mend it."""
    effect: bool = False
    """Whether another finding of the same cause may explain it: that one comes first."""
    height: int = 0
    """Of several findings of the same cause, the lowest object comes first: a pod (0), its Job, its run."""
    settles: float | None = None
    """Seconds after `since` from which on it is only a remark: `recovered`."""


class Subject(NamedTuple):
    """The object that a finding is about, as kubectl names it."""

    resource: str
    namespace: str
    name: str
    container: str = ""
    node: str = ""


def found(
    cause: str,
    evidence: str,
    *,
    about: Subject,
    since: float | None = None,
    command: str = "",
    act: str = "",
    grace: float = 0.0,
) -> Finding:
    """Creates a finding. Its next command is `command`, else that of the cause. Names are quoted for a shell."""
    names = {key: shlex.quote(value) for key, value in about._asdict().items()}
    is_pod, name = about.resource == "pod", names["name"]
    names["node"] = names["node"] if about.node else ""
    names["target"] = name if is_pod else f"{about.resource}/{name}"
    names["pods"] = f"pod {name}" if is_pod else f"pods -l job-name={name}"
    following = string.Template(command or next_of(cause, evidence) or CAUSES[cause].next).substitute(names).rstrip()
    text = one_line(evidence, limit=MAX_EVIDENCE)
    node = about.node if cause in _ON_NODE else ""
    return Finding(cause=cause, evidence=text, since=since, next=following, act=act, node=node, grace=grace)


def distinct(every: Iterable[Finding]) -> list[Finding]:
    """Removes findings with the same cause and evidence as an earlier one."""
    first: dict[tuple[str, str], Finding] = {}
    for one in every:
        first.setdefault((one.cause, one.evidence), one)
    return [*first.values()]


def is_fault(finding: Finding, now: float) -> bool:
    """Whether the finding is a fault at the time `now`. Many states are normal for a while."""
    info = CAUSES[finding.cause]
    begins = fault_from(finding)
    return info.fault and (begins is None or now >= begins)


def fault_from(finding: Finding) -> float | None:
    """The end of the grace period of the finding, in seconds since the epoch; None if it has none."""
    is_final = finding.at_once or is_lasting(finding.cause, finding.evidence)
    grace = 0.0 if is_final else max(CAUSES[finding.cause].grace, finding.grace)
    begun = finding.since if finding.begun is None else finding.begun
    return None if not grace or begun is None else begun + grace


def mark_recovered(every: Iterable[Finding], now: float) -> Iterator[Finding]:
    """The findings; the cause of each one that is `settles` seconds old becomes `recovered`, which is no fault."""
    for one in every:
        over = one.settles is not None and one.since is not None and now - one.since >= one.settles
        yield msgspec.structs.replace(one, cause=RECOVERED) if over else one


def of_run(run: Run) -> Subject:
    """The subject for a run, without the prefix that its exposed name may have."""
    return Subject(run.resource or run.kind.lower(), run.namespace, run.name.rpartition("/")[2])


def of_job(job: Job) -> Subject:
    """The subject for a Job or a worker Pod."""
    return Subject(job.worker.lower(), job.namespace, job.name)


def of_pod(pod: Pod, container: str = "") -> Subject:
    """The subject for a Pod or one of its containers."""
    return Subject("pod", pod.namespace, pod.name, container, pod.node)
