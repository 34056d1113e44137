"""Texts that explain why a container does not start: from Events about it, or from its state."""

from collections.abc import Iterator

from exporter.cache import Container, Event, ObjectCache, Pod
from exporter.diagnosis.events import latest, telling, words

__all__ = ["creation_words", "pull_words"]

_REASONS = ("Failed", "InspectFailed", "ErrImageNeverPull")
_REPEATS = ("Error: ", "Back-off pulling image")
"""Prefixes of notes that only repeat the reason of the container's state."""


def pull_words(pod: Pod, one: Container, cache: ObjectCache) -> tuple[str, float | None]:
    """Why the image of a container cannot be pulled, and since when: from an Event, else from its state."""
    events = telling(event for event in _about(pod, one, cache) if _is_pull(event.note))
    since = min((event.first for event in events if event.first is not None), default=pod.started)
    if events and not events[0].note.startswith(_REPEATS):
        return words(events[0]), since
    if one.message:
        return f"{one.reason}: {one.message}", since
    return (words(events[0]) if events else one.reason), since


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
