"""Words of Events, and those that are about one object."""

import re
from collections.abc import Iterator
from typing import Final

from exporter.cache import Event, ObjectCache

__all__ = ["latest", "words"]

_COMBINED: Final = "(combined from similar events): "
_GENERATED: Final = re.compile(r'\b([Pp]ods?) "[^"]*"')
"""A Job controller tries another name each time."""


def words(event: Event) -> str:
    """Reason and note, without what differs each time: the words become a label, and others another series."""
    note = _GENERATED.sub(r"\1", event.note.removeprefix(_COMBINED))
    return f"{event.reason}: {note}" if note else event.reason


def latest(cache: ObjectCache, uid: str, *reasons: str) -> Iterator[Event]:
    """The Events about an object, the newest first; only those with one of these reasons, if any is given."""
    for event in cache.events_about(uid):
        if not reasons or event.reason in reasons:
            yield event
