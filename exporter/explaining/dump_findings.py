"""What `explain` does differently for a dump: the current time, and the commands for objects that are missing."""

import datetime as dt
import shlex
from collections.abc import Container, Iterable, Sequence
from typing import Final

import msgspec

from exporter.diagnosis.causes import CANNOT_TELL
from exporter.diagnosis.explanation import Explanation, FindingView
from exporter.diagnosis.unread import is_not_permitted

__all__ = ["DUMPED", "adapt_to_dump", "clock_note", "missing_note"]

DUMPED: Final = "coderuns,jobs,pods,events,configmaps"
"""The resources that a dump should contain."""
_WITHOUT_PODS = frozenset({"no pod", "suspended", "succeeded"})
"""States of workers of which no pod is expected."""
_UNKNOWN = frozenset({"job_failed", "other", CANNOT_TELL})
_TEMPLATE_CAUSES = frozenset({"reconcile_failing", "template_failed"})
_EVENT_TTL_SECONDS = 3600.0  # the default of --event-ttl of kube-apiserver


def clock_note(at: float | None, newest: float) -> tuple[str, ...]:
    """A note with the time to which ages are relative, or about a value of `--at` that is too early."""
    if at is None:
        return (f"Ages are as of {_text(newest)}, the newest time in the dump; --at sets another",)
    if at < newest:
        return (
            f"--at is before {_text(newest)}, the newest time in the dump: states and Events after --at are shown",
        )
    return ()


def missing_note(runs: Iterable[Explanation], missing: Sequence[str]) -> tuple[str, ...]:
    """A note about kinds of objects that the dump lacks; about pods only if they could show more."""
    names = [f"{kind}s" for kind in missing if kind != "Pod" or any(map(_needs_pods, runs))]
    return (f"The dump has no {' and no '.join(names)}: they are unknown; dump {DUMPED}",) if names else ()


def _needs_pods(run: Explanation) -> bool:
    is_unknown = not run.findings or run.findings[0].cause in _UNKNOWN
    states = {worker.state for worker in run.workers if not worker.pods_known}
    return bool(states - _WITHOUT_PODS - (set() if is_unknown else {"failed"}))


def adapt_to_dump(run: Explanation, *, lacks_configmaps: Container[str]) -> Explanation:
    """Findings that objects could not be read get the command that adds these objects to the dump.

    `lacks_configmaps` are the kinds of runs whose required ConfigMaps are not in the dump.
    """
    if run.kind in lacks_configmaps:
        findings = tuple(_without_configmaps(one, run) for one in run.findings)
        run = msgspec.structs.replace(run, findings=findings)
    unread = [one.evidence.partition(" ")[0].lower() for one in filter(is_not_permitted, run.findings)]
    if not unread:
        return run
    kinds = ",".join(dict.fromkeys([*unread, *(() if run.events_known else ("events",))]))
    found = tuple(_explain_missing_objects(one, run, kinds) if is_not_permitted(one) else one for one in run.findings)
    return msgspec.structs.replace(run, findings=found)


def _without_configmaps(one: FindingView, run: Explanation) -> FindingView:
    """The usual reason for these causes is a template that a ConfigMap lacks; the dump has no ConfigMaps."""
    if one.cause not in _TEMPLATE_CAUSES:
        return one
    evidence = f"{one.evidence}; whether its templates are complete is unknown: the dump has no ConfigMaps"
    command = f"kubectl -n {shlex.quote(run.namespace)} get configmaps -o json > more.json"
    return msgspec.structs.replace(one, evidence=evidence, next=command)


def _explain_missing_objects(one: FindingView, run: Explanation, kinds: str) -> FindingView:
    if kinds == "events" and _is_older(one, run):
        return _expired(one, run)
    return msgspec.structs.replace(
        one,
        evidence=f"{one.evidence.partition(' ')[0]} in namespace {run.namespace} are not in the dump",
        meaning="Objects that would show the cause are not in the dump.",
        act="who makes the dump; then add --filename more.json",
        next=f"kubectl -n {shlex.quote(run.namespace)} get {kinds} -o json > more.json",
    )


def _is_older(one: FindingView, run: Explanation) -> bool:
    """Whether the Events about the object may have expired."""
    return bool(one.since and run.observed and (run.observed - one.since).total_seconds() >= _EVENT_TTL_SECONDS)


def _expired(one: FindingView, run: Explanation) -> FindingView:
    """Another dump would have no Events either."""
    shown = (other.next for other in run.findings if other is not one and " describe " in other.next)
    return msgspec.structs.replace(
        one,
        evidence="No Events are in the dump: Kubernetes deletes them after an hour, or they were not dumped",
        meaning="Objects that would show the cause are not in the dump.",
        act="who runs the cluster",
        next=next(shown, f"kubectl -n {shlex.quote(run.namespace)} get events"),
    )


def _text(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
