"""Selects the Events that explain the current state of an object, and formats their texts."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from exporter.cache import Event, Job, ObjectCache, Pod
from exporter.diagnosis.stages import is_history

__all__ = ["current", "holding", "latest", "telling", "unanswered", "words"]

_VAGUE = ("Error: ", "Unable to attach or mount volumes")
"""Prefixes of notes of the kubelet that repeat another Event without its reason."""

_COMBINED: Final = "(combined from similar events): "
_GENERATED: Final = re.compile(r'\b([Pp]ods?) "[^"]*"')
"""The name of a Pod, which differs in each attempt of the Job controller."""


def words(event: Event) -> str:
    """Reason and note, without parts that differ each time: each text becomes a label, and so a new series."""
    note = _GENERATED.sub(r"\1", event.note.removeprefix(_COMBINED))
    return f"{event.reason}: {note}" if note else event.reason


def latest(cache: ObjectCache, uid: str, *reasons: str) -> Iterator[Event]:
    """The warnings about an object, the newest first; only those with one of these reasons, if any is given."""
    for event in cache.events_about(uid):
        if not event.normal and (not reasons or event.reason in reasons):
            yield event


def current(cache: ObjectCache, pod: Pod, *reasons: str) -> list[Event]:
    """The Events of `latest` about a Pod that are not outdated."""
    return [event for event in holding(pod, cache.events_about(pod.uid)) if event.reason in reasons]


def holding(pod: Pod, events: Iterable[Event]) -> list[Event]:
    """The warnings that are not outdated: seen after the last progress of the Pod, and not long before newer Events.

    Progress: its sandbox or a container was started.
    """
    every = [*events]
    progress = max((at for at in (pod.sandbox_since, *(one.since for one in pod.containers)) if at), default=0.0)
    found = [event for event in every if not event.normal and (event.last is None or event.last >= progress)]
    return [event for event in found if not is_history(event, every)]


def unanswered(cache: ObjectCache, job: Job) -> Event | None:
    """The newest Event about a Pod that could not be created, unless the Job has or had a newer Pod."""
    created = [pod.created or 0.0 for pod in cache.pods_of(job)]
    created += [one.last or 0.0 for one in cache.events_about(job.uid) if one.reason == "SuccessfulCreate"]
    newest = max(created, default=0.0)
    event = next(latest(cache, job.uid, "FailedCreate"), None)
    return None if event is None or (event.last is not None and event.last < newest) else event


def telling(events: Iterable[Event]) -> list[Event]:
    """Sorts Events, so that those with a reason come before those that only repeat another Event."""
    return sorted(events, key=lambda event: (event.note.startswith(_VAGUE), "timed out waiting" in event.note))
