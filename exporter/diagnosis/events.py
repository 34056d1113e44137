"""Selects the Events that explain the current state of an object, and formats their texts."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from exporter.cache import COMBINED, Event, Job, ObjectCache, Pod
from exporter.diagnosis.stages import is_harmless, is_history

__all__ = ["began", "current", "holding", "is_vague", "latest", "telling", "unresolved_create_failure", "words"]

_VAGUE = ("Error: ", "Unable to attach or mount volumes")
"""Prefixes of notes of the kubelet that repeat another Event without its reason."""

_GENERATED: Final = re.compile(r'\b([Pp]ods?) "[^"]*"')
_REFUSED: Final = re.compile(r'\bpods "[^"]*"(?= is forbidden)')
"""The name of a Pod, which differs in each attempt of the Job controller."""


_UNANSWERED: Final = re.compile(r'Error creating: (?:Get|Post|Put|Patch) "')
"""The Job controller's request did not reach the API server, or the answer was lost: an error of Go's net/http."""
_PROCESSED: Final = re.compile(r", processed \d+ files\.?$")
"""The progress of the kubelet with the files of a volume."""
_HOOKS: Final = frozenset({"FailedPostStartHook", "FailedPreStopHook"})
"""Older kubelets write the output of the hook at the end of the note: pkg/kubelet/lifecycle/handlers.go."""
_PROBE: Final = re.compile(r"(?:Liveness|Readiness|Startup) probe (?:failed|errored)")
_UNHEALTHY: Final = (
    (re.compile(r"probe failed: HTTP probe failed with (statuscode: \d{3})$"), r"\1"),
    (re.compile(r"probe failed: .*?dial tcp \S*:(\d{1,5}): .*connection refused"), r"port \1: connection refused"),
    (re.compile(r"connection refused"), "connection refused"),
    (re.compile(r"timed out|timeout|deadline exceeded"), "timeout"),
)
"""What is kept of the note of a failed probe. For an exec probe, the rest is the output of a program."""


def words(event: Event) -> str:
    """Reason and note, without parts that differ each time: each text becomes a label, and so a new series."""
    if event.reason == "Unhealthy":
        return _unhealthy(event)
    note = _REFUSED.sub("the pod", event.note.removeprefix(COMBINED))
    note = _GENERATED.sub(r"\1", note)
    note = _PROCESSED.sub("", note)
    if event.reason in _HOOKS:
        note = note.partition(", message: ")[0]
    return f"{event.reason}: {note}" if note else event.reason


def _unhealthy(event: Event) -> str:
    """Which probe failed, and the kind of failure if it is a usual one."""
    probe = _PROBE.match(event.note)
    kinds = (match.expand(kind) for pattern, kind in _UNHEALTHY if (match := pattern.search(event.note)))
    return ": ".join(filter(None, (event.reason, probe[0] if probe else "", next(kinds, ""))))


def began(event: Event) -> float | None:
    """The first occurrence of a failure, also if its earlier attempts have Events of their own."""
    return event.first if event.since is None else event.since


def latest(cache: ObjectCache, uid: str, *reasons: str) -> Iterator[Event]:
    """The warnings about an object, the newest first; only those with one of these reasons, if any is given."""
    for event in cache.events_about(uid):
        if not event.normal and (not reasons or event.reason in reasons):
            yield event


def current(cache: ObjectCache, pod: Pod, *reasons: str) -> list[Event]:
    """The Events of `latest` about a Pod that are not outdated."""
    return [event for event in holding(pod, cache.events_about(pod.uid)) if event.reason in reasons]


def holding(pod: Pod, events: Iterable[Event]) -> list[Event]:
    """The warnings that are not harmless and not outdated: after the last progress, and not long before newer Events.

    Progress: its sandbox or a container was started.
    """
    every = [*events]
    progress = max((at for at in (pod.sandbox_since, *(one.since for one in pod.containers)) if at), default=0.0)
    found = [event for event in every if not event.normal and (event.last is None or event.last >= progress)]
    return [event for event in found if not is_harmless(event) and not is_history(event, every)]


def unresolved_create_failure(cache: ObjectCache, job: Job) -> Event | None:
    """The newest Event about a Pod that could not be created, unless the Job has or had a newer Pod.

    An answer of the API server counts before a connection that broke: the next attempt gets that answer again.
    """
    created = [pod.created or 0.0 for pod in cache.pods_of(job)]
    created += [one.last or 0.0 for one in cache.events_about(job.uid) if one.reason == "SuccessfulCreate"]
    newest = max(created, default=0.0)
    failures = [one for one in latest(cache, job.uid, "FailedCreate") if one.last is None or one.last >= newest]
    answered = (one for one in failures if not _UNANSWERED.match(one.note.removeprefix(COMBINED)))
    return next(answered, failures[0] if failures else None)


def telling(events: Iterable[Event]) -> list[Event]:
    """Sorts Events, so that those with a reason come before those that only repeat another Event."""
    return sorted(events, key=lambda event: (event.note.startswith(_VAGUE), "timed out waiting" in event.note))


def is_vague(event: Event) -> bool:
    """Whether it only says that something is not done yet."""
    return event.note.startswith(_VAGUE) or "timed out waiting" in event.note
