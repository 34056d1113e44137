"""One watch: converts each of its lines to a change, and ERROR events to exceptions. `Source.decode` decodes objects.

Source: Kubernetes API concepts, "Efficient detection of changes" and "Watch bookmarks".
"""

import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from exporter.kube.client import KubeClient
from exporter.kube.decode import decode_bookmark, decode_event, error_from_event
from exporter.reflector.source import Bookmarked, Delete, Source, Upsert
from exporter.telemetry import ResourceStatus

__all__ = ["IDLE_SECONDS", "InitialEventsEnd", "WatchEvent", "watch"]

R = TypeVar("R")

IDLE_SECONDS = 90.0  # the API server sends a bookmark about every minute


class InitialEventsEnd(Bookmarked):
    """The bookmark at the end of the initial events of a streamed list (KEP-3157)."""


WatchEvent = Upsert[R] | Delete | Bookmarked


async def watch(
    client: KubeClient,
    source: Source[R],
    status: ResourceStatus,
    params: dict[str, str],
    *,
    idle: float,
) -> AsyncGenerator[list[WatchEvent[R]], None]:
    """Yields batches of changes until the watch ends. The first batch means that it is accepted, and may be empty.

    The watch ends after `idle` seconds without data. Raises a KubeError; GoneError if the version is too old.
    """
    query = dict(source.params) | {
        "watch": "true",
        "allowWatchBookmarks": "true",
        # Random, so that the watches of many exporters do not all restart in the same second, as in client-go.
        "timeoutSeconds": str(random.randint(300, 600)),  # noqa: S311
        **params,
    }
    status.record_request(verb="watch")
    async with aclosing(client.lines(source.path, query, idle=idle)) as batches:
        async for lines in batches:
            yield [change for line in lines if (change := _change(line, source, status)) is not None]


def _change(line: bytes, source: Source[R], status: ResourceStatus) -> WatchEvent[R] | None:
    event = decode_event(line)
    match event.type:
        case "ERROR":
            raise error_from_event(event.object, path=source.path)
        case "BOOKMARK":
            bookmark = decode_bookmark(event.object)
            return InitialEventsEnd(bookmark.version) if bookmark.initial_end else Bookmarked(bookmark.version)
        case "ADDED" | "MODIFIED" | "DELETED":
            decoded = source.decode(event.object)
            if not decoded.is_valid:
                status.record_malformed()
            if not decoded.uid:
                return None
            if event.type == "DELETED" or decoded.record is None:
                return Delete(decoded.uid, decoded.version, still_exists=event.type == "ADDED")
            return Upsert(decoded.uid, decoded.record, decoded.version)
        case _:
            return None  # an event type of a later version of Kubernetes
