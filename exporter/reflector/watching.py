"""One watch: lines become changes; what the server says against it becomes an error.

Source: Kubernetes API concepts, "Efficient detection of changes" and "Watch bookmarks".
"""

import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from exporter.kube.client import KubeClient
from exporter.kube.decode import bookmark_of, event_of, failure_of
from exporter.reflector.source import Bookmarked, Put, Source
from exporter.telemetry import ResourceStatus

__all__ = ["IDLE_SECONDS", "InitialEventsEnd", "Watched", "watch"]

R = TypeVar("R")

IDLE_SECONDS = 90.0  # the API server sends a bookmark about every minute


class InitialEventsEnd(Bookmarked):
    """The bookmark that ends the initial objects of a streamed list (KEP-3157)."""


Watched = Put[R] | Bookmarked


async def watch(
    client: KubeClient,
    source: Source[R],
    status: ResourceStatus,
    params: dict[str, str],
    *,
    idle: float,
) -> AsyncGenerator[list[Watched[R]], None]:
    """Batches of changes until the watch ends. The first says that it is accepted, and may be empty.

    `idle` is for how many seconds the server may send nothing. Raises a KubeError; GoneError where the version
    is too old.
    """
    asked = dict(source.params) | {
        "watch": "true",
        "allowWatchBookmarks": "true",
        # Spread, so that the watches of a fleet are not all renewed in the same second; client-go does the same.
        "timeoutSeconds": str(random.randint(300, 600)),  # noqa: S311
        **params,
    }
    status.record_request(verb="watch")
    async with aclosing(client.lines(source.path, asked, idle=idle)) as batches:
        async for lines in batches:
            yield [change for line in lines if (change := _change(line, source, status)) is not None]


def _change(line: bytes, source: Source[R], status: ResourceStatus) -> Watched[R] | None:
    event = event_of(line)
    match event.type:
        case "ERROR":
            raise failure_of(event.object, path=source.path)
        case "BOOKMARK":
            mark = bookmark_of(event.object)
            return InitialEventsEnd(mark.version) if mark.initial_end else Bookmarked(mark.version)
        case "ADDED" | "MODIFIED" | "DELETED":
            decoded = source.decode(event.object)
            if not decoded.is_valid:
                status.record_malformed()
            if not decoded.uid:
                return None
            record = None if event.type == "DELETED" else decoded.record
            return Put(decoded.uid, record, decoded.version, added=event.type == "ADDED")
        case _:
            return None  # an event type of a later Kubernetes: what it says cannot be applied
