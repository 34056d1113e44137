"""Words of Events, and those about one object that explain a state which still holds."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from exporter.cache import Event, Job, ObjectCache, Pod
from exporter.diagnosis.stages import is_history

__all__ = ["current", "holding", "latest", "telling", "unanswered", "words"]

_VAGUE = ("Error: ", "Unable to attach or mount volumes")
"""How notes of the kubelet begin that repeat another Event without its reason."""

_COMBINED: Final = "(combined from similar events): "
_GENERATED: Final = re.compile(r'\b([Pp]ods?) "[^"]*"')
"""A Job controller tries another name each time."""


def words(event: Event) -> str:
    """Reason and note, without what differs each time: the words become a label, and others another series."""
    note = _GENERATED.sub(r"\1", event.note.removeprefix(_COMBINED))
    return f"{event.reason}: {note}" if note else event.reason


def latest(cache: ObjectCache, uid: str, *reasons: str) -> Iterator[Event]:
    """The warnings about an object, the newest first; only those with one of these reasons, if any is given."""
    for event in cache.events_about(uid):
        if not event.normal and (not reasons or event.reason in reasons):
            yield event


def current(cache: ObjectCache, pod: Pod, *reasons: str) -> list[Event]:
    """Of `latest`, those about a Pod that no later progress has made void."""
    return [event for event in holding(pod, cache.events_about(pod.uid)) if event.reason in reasons]


def holding(pod: Pod, events: Iterable[Event]) -> list[Event]:
    """The warnings that hold: seen after the last progress of the Pod, and no history beside its newer Events.

    Progress: its sandbox exists, or a container started.
    """
    every = [*events]
    progress = max((at for at in (pod.sandbox_since, *(one.since for one in pod.containers)) if at), default=0.0)
    found = [event for event in every if not event.normal and (event.last is None or event.last >= progress)]
    return [event for event in found if not is_history(event, every)]


def unanswered(cache: ObjectCache, job: Job) -> Event | None:
    """The newest Event about a Pod that could not be created, unless the Job has a younger Pod, or had one."""
    created = [pod.created or 0.0 for pod in cache.pods_of(job)]
    created += [one.last or 0.0 for one in cache.events_about(job.uid) if one.reason == "SuccessfulCreate"]
    newest = max(created, default=0.0)
    event = next(latest(cache, job.uid, "FailedCreate"), None)
    return None if event is None or (event.last is not None and event.last < newest) else event


def telling(events: Iterable[Event]) -> list[Event]:
    """The Events that say why come first."""
    return sorted(events, key=lambda event: (event.note.startswith(_VAGUE), "timed out waiting" in event.note))
