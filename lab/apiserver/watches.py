"""A watch: sends each change after a version, once and in order, as lines of JSON.

Source: "Efficient detection of changes" and "Streaming lists" of the Kubernetes API concepts, KEP-956 (bookmarks),
KEP-3157 (WatchList).
"""

import asyncio
import contextlib
from collections.abc import Iterator

import msgspec
from aiohttp import web

from lab.apiserver import status, wire
from lab.apiserver.collection import Change, Collection
from lab.apiserver.options import ListOptions
from lab.apiserver.selectors import Selection
from lab.apiserver.store import Store

__all__ = ["Watch"]

CHANGES = 256  # read from the log at a time
BEFORE_END = 2.0  # seconds: a watch that ends by its time-out sends a last bookmark so long before
INITIAL_EVENTS_END = b',"annotations":{"k8s.io/initial-events-end":"true"}'


class Watch:
    """A client's watch of the `selection` of a collection, in `version` of the API."""

    def __init__(
        self,
        store: Store,
        collection: Collection,
        *,
        version: str,
        selection: Selection,
        options: ListOptions,
        bookmark_interval: float,
    ) -> None:
        self._store = store
        self._collection = collection
        self._selection = selection
        self._options = options
        self._bookmark_interval = bookmark_interval
        self._opening = collection.resource.opening(version)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Streams until the timeout, until the client or the resource is gone, or until the client is too slow."""
        response = await wire.open_stream(request)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.timeout or None):
                try:
                    await self._stream(response)
                except status.StatusError as error:
                    await response.write(_line(b"ERROR", msgspec.json.encode(error.body())))
        await response.write_eof()
        return response

    async def _stream(self, response: web.StreamResponse) -> None:
        options, now = self._options, self._store.revision
        if options.version is not None and options.version > now and options.send_initial_events:
            raise status.too_large_version(options.version, now)
        position = self._collection.end
        if options.initial_events:
            objects = self._selection.after("", self._collection.at(now))
            passing = (each for each in objects if self._selection.matches(each))
            await wire.send(response, (_line(b"ADDED", self._opening, each.tail) for each in passing))
            if options.bookmarks:
                await response.write(self._bookmark(now, INITIAL_EVENTS_END))
        elif options.version:
            position = self._collection.position(options.version)
        await self._follow(response, position)

    async def _follow(self, response: web.StreamResponse, position: int) -> None:
        """Sends the changes from a position of the log on, without end."""
        changed = asyncio.Event()
        self._collection.readers.add(changed)
        loop = asyncio.get_running_loop()
        bookmark_due = loop.time() + self._first_bookmark()
        beats = self._store.beats
        try:
            while (changes := self._collection.read(position, CHANGES)) is not None:
                position += len(changes)
                await wire.send(response, self._lines(changes))
                if changes:
                    continue
                if self._collection.ended:
                    return
                if self._options.bookmarks and (loop.time() >= bookmark_due or self._store.beats != beats):
                    beats = self._store.beats
                    await response.write(self._bookmark(self._store.revision))
                    bookmark_due = loop.time() + self._bookmark_interval
                    continue
                await self._wait(changed, until=bookmark_due)
        finally:
            self._collection.readers.discard(changed)

    async def _wait(self, changed: asyncio.Event, *, until: float) -> None:
        """Waits for a change, or for the time of the next bookmark."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until if self._options.bookmarks else None):
                await changed.wait()
        changed.clear()

    def _first_bookmark(self) -> float:
        end = self._options.timeout or 0
        return min(self._bookmark_interval, end - BEFORE_END) if end > BEFORE_END else self._bookmark_interval

    def _lines(self, changes: list[Change]) -> Iterator[bytes]:
        """Changes as this client sees them: ADDED for an object that begins to match, DELETED for one that stops."""
        for change in changes:
            was, is_now = self._selection.matches(change.old), self._selection.matches(change.new)
            if is_now and change.new is not None:
                yield _line(b"MODIFIED" if was else b"ADDED", self._opening, change.new.tail)
            elif was and change.old is not None:
                yield _line(b"DELETED", self._opening, change.old.tail_at(change.revision))

    def _bookmark(self, revision: int, annotations: bytes = b"") -> bytes:
        return _line(b"BOOKMARK", self._opening, b'"metadata":{"resourceVersion":"%d"%s}}' % (revision, annotations))


def _line(word: bytes, *parts: bytes) -> bytes:
    return b"".join((b'{"type":"', word, b'","object":', *parts, b"}\n"))
