"""Repeated Events whose messages differ only in generated names and numbers, and since when they repeat.

client-go counts repetitions in one Event only if the message is the same. The Job controller names another Pod in
each attempt to create one, and a container runtime names another sandbox, so each attempt has an Event of its own.
"""

import functools
import re
from collections.abc import Iterable
from typing import Final

from exporter.cache.pod_records import Event

__all__ = ["COMBINED", "repeated_since"]

COMBINED: Final = "(combined from similar events): "
"""Prefix of messages of Events that client-go has aggregated: tools/events/events_cache.go."""
_POD: Final = re.compile(r'\b([Pp]ods?) "[^"]*"')
_WORD: Final = re.compile(r'[^\s",:;=()]+')
_MAX_GAP_SECONDS: Final = 1800.0
"""The Job controller tries again after at most 10 minutes; client-go lets one Event through in five minutes."""


def repeated_since(event: Event, others: Iterable[Event]) -> float | None:
    """The first occurrence of an Event or of an earlier one that it repeats, without a gap of more than half an hour.

    `others` are Events about the same object, the newest first; they may include it, and an older version of it.
    """
    since = event.first if event.since is None else event.since
    for one in others:
        first = one.first if one.since is None else one.since
        if since is None or first is None or first >= since or (one.last or first) < since - _MAX_GAP_SECONDS:
            continue
        if (one.reason, one.container) == (event.reason, event.container) and _text(one.note) == _text(event.note):
            since = first
    return since


@functools.lru_cache(maxsize=1024)
def _text(note: str) -> str:
    return _WORD.sub(_without_digits, _POD.sub(r"\1", note.removeprefix(COMBINED)))


def _without_digits(word: re.Match[str]) -> str:
    """Nothing for a word with a digit, such as an ID, a hash, a time or an amount."""
    return "" if any(map(str.isdigit, word[0])) else word[0]
