"""Words of Events, and those that are about one object."""

from collections.abc import Iterator

from exporter.cache import Event, ObjectCache

__all__ = ["latest", "words"]


def words(event: Event) -> str:
    """Reason and note. Without the count: the words become a label, and each repetition would be a new series."""
    return f"{event.reason}: {event.note}" if event.note else event.reason


def latest(cache: ObjectCache, uid: str, *reasons: str) -> Iterator[Event]:
    """The Events about an object, the newest first; only those with one of these reasons, if any is given."""
    for event in cache.events_about(uid):
        if not reasons or event.reason in reasons:
            yield event
