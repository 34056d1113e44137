"""The differences if runs are explained from a dump: the current time, and the commands for missing objects."""

import datetime as dt
import shlex
from collections.abc import Container, Sequence

import msgspec

from exporter.diagnosis.causes import CAUSES
from exporter.diagnosis.explanation import Explanation, FindingView
from exporter.diagnosis.unread import is_not_permitted
from exporter.plurals import plural

__all__ = ["clock_note", "early_note", "of_dump"]

_OF_TEMPLATES = frozenset({"reconcile_failing", "template_failed"})
_LIFE = 3600.0  # --event-ttl of kube-apiserver, in seconds


def clock_note(at: float | None, newest: float) -> tuple[str, ...]:
    """A note with the time to which ages are relative, or about a value of `--at` that is too early."""
    if at is None:
        return (f"Ages are as of {_text(newest)}, the newest time in the dump; --at sets another",)
    if at < newest:
        return (
            f"--at is before {_text(newest)}, the newest time in the dump: later states and Events are shown too",
        )
    return ()


def early_note(runs: Sequence[Explanation]) -> tuple[str, ...]:
    """A note about findings that are not a fault yet: the dump may have been made later than its newest time."""
    early = [one for one in runs if one.verdict != "fault" and any(map(_is_early, one.findings))]
    if not early:
        return ()
    return (f"{plural(len(early), 'run')} may have a fault by the time of the dump: set --at to that time",)


def _is_early(finding: FindingView) -> bool:
    return not finding.fault and CAUSES[finding.cause].fault


def of_dump(run: Explanation, *, lacks_configmaps: Container[str]) -> Explanation:
    """Replaces findings about missing permissions: the objects are not in the dump, and have to be dumped.

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
    """A template that is missing or empty is the usual reason, and the dump cannot show it."""
    if one.cause not in _OF_TEMPLATES:
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
    """Whether the Events about it may have expired by now."""
    return bool(one.since and run.observed and (run.observed - one.since).total_seconds() >= _LIFE)


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
