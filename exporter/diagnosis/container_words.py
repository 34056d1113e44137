"""Texts that explain why a container does not start: from Events about it, or from its state."""

import re
from collections.abc import Iterator
from typing import Final

from exporter.cache import Container, Event, ObjectCache, Pod
from exporter.diagnosis.events import latest, telling, words
from exporter.diagnosis.stages import recent

__all__ = ["creation_words", "pull_words"]

_REASONS = ("Failed", "InspectFailed", "ErrImageNeverPull")
_REPEATS = ("Error: ", "Back-off pulling image")
"""Prefixes of notes that only repeat the reason of the container's state."""
_BACK_OFF: Final = re.compile(r'(?:Back-off pulling image(?: "[^"]*")?)?')
"""The message of kubelets before Kubernetes 1.31, without the reason; or none."""


def pull_words(pod: Pod, one: Container, cache: ObjectCache) -> tuple[str, float | None]:
    """Why the image of a container cannot be pulled, and since when: from an Event or its message.

    Events about the back-off may be all that is kept of the Events about a pod.
    """
    every = [event for event in _about(pod, one, cache) if _is_pull(event.note)]
    since = min((event.first for event in every if event.first is not None), default=pod.started)
    told = [event for event in every if not event.note.startswith(_REPEATS)]
    message = f"{one.reason}: {one.message}" if one.message else ""
    if not _BACK_OFF.fullmatch(one.message):
        told = [event for event in recent(every) if event in told]
    events = telling(told)
    return (words(events[0]) if events else message or (words(every[0]) if every else one.reason)), since


def creation_words(pod: Pod, one: Container, cache: ObjectCache) -> str:
    """Why a container cannot be created: the reason and message of its state, else the note of its newest Event."""
    notes = (event.note for event in _about(pod, one, cache) if event.note != f"Error: {one.reason}")
    text = one.message or next((note for note in notes if not _is_image(note)), "").removeprefix("Error: ")
    return f"{one.reason}: {text}" if text else one.reason


def _about(pod: Pod, one: Container, cache: ObjectCache) -> Iterator[Event]:
    """The Events about a container. Events of older components do not name the container."""
    return (event for event in latest(cache, pod.uid, *_REASONS) if event.container in {"", one.name})


def _is_pull(note: str) -> bool:
    return "pull" in note.lower() or "image" in note.lower()


def _is_image(note: str) -> bool:
    return note.startswith(("Failed to pull image", "Error: ErrImagePull", "Error: ImagePullBackOff"))
