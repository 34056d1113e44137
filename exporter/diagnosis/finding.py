"""A finding: one cause with its evidence, and the object to look at next."""

import shlex
import string
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from exporter.cache import Job, Pod, Run
from exporter.diagnosis.causes import CAUSES
from exporter.untrusted import one_line

__all__ = ["Finding", "Subject", "distinct", "found", "is_fault", "of_job", "of_pod", "of_run"]


class Finding(msgspec.Struct, frozen=True, gc=False):
    """`cause` is a name of the table of causes. `since` is in seconds since the epoch."""

    cause: str
    evidence: str
    since: float | None = None
    next: str = ""
    act: str = ""
    """Who must act, if it is not the one of the table."""
    grace: float = 0.0
    """Seconds for which the state is normal, if it is longer than that of the table."""


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
    """A finding with the next command: `command`, else that of the table. Its names are quoted for a shell."""
    names = {key: shlex.quote(value) for key, value in about._asdict().items()}
    is_pod, name = about.resource == "pod", names["name"]
    names["node"] = names["node"] if about.node else ""
    names["target"] = name if is_pod else f"{about.resource}/{name}"
    names["pods"] = f"pod {name}" if is_pod else f"pods -l job-name={name}"
    following = string.Template(command or CAUSES[cause].next).substitute(names).rstrip()
    return Finding(cause=cause, evidence=one_line(evidence), since=since, next=following, act=act, grace=grace)


def distinct(every: Iterable[Finding]) -> list[Finding]:
    """The first of each cause and evidence, in their order."""
    first: dict[tuple[str, str], Finding] = {}
    for one in every:
        first.setdefault((one.cause, one.evidence), one)
    return [*first.values()]


def is_fault(finding: Finding, now: float) -> bool:
    """Whether it is a fault by now: many states are normal for a while."""
    info = CAUSES[finding.cause]
    grace = max(info.grace, finding.grace)
    return info.fault and (not grace or finding.since is None or now - finding.since >= grace)


def of_run(run: Run) -> Subject:
    """A run. Its exposed name may have a prefix with its kind."""
    return Subject(run.resource or run.kind.lower(), run.namespace, run.name.rpartition("/")[2])


def of_job(job: Job) -> Subject:
    """A Job, or a Pod that is a worker."""
    return Subject(job.worker.lower(), job.namespace, job.name)


def of_pod(pod: Pod, container: str = "") -> Subject:
    """A Pod, or one of its containers."""
    return Subject("pod", pod.namespace, pod.name, container, pod.node)
