"""An API server for lists and watches that fails according to a script.

It replaces the exporter's client. Its responses are split into chunks at any byte and pass through the exporter's
own `Lines`. After the script has ended, the server responds without errors.
"""

import asyncio
import collections
import dataclasses
import itertools
import json

from hypothesis import strategies as st

from exporter.kube.budget import Budget
from exporter.kube.errors import UnreachableError
from exporter.kube.lines import Lines
from exporter.kube.responses import error_from_response
from tests.property.offline import a_list
from tests.property.shapes import apply_change
from tests.property.store import state_of
from tests.property.weighting import weighted

__all__ = ["ANSWERS", "ScriptedResponse", "ScriptedServer"]

_END_MARK = {"k8s.io/initial-events-end": "true"}
_CODES = st.sampled_from([400, 401, 403, 404, 410, 410, 422, 422, 422, 429, 500, 503])


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScriptedResponse:
    """The response to one request.

    `status` is an error status instead of a body. After `after` lines, the line `extra` is sent. Then the response
    continues, unless `end` is `clean`, `cut` (in the middle of a line) or `silence`. `chunks` are the sizes of
    chunks in bytes, `repeated` is the number of events that are sent again, `page` is the size of a page.
    """

    status: int | None = None
    after: int = 0
    extra: bytes = b""
    end: str = ""
    chunks: tuple[int, ...] = (4096,)
    repeated: int = 0
    page: int = 2


def _error(code):
    status = {"kind": "Status", "status": "Failure", "code": code, "message": "too old"}
    return json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"


def _bookmark(version, annotations=None):
    meta = {"resourceVersion": str(version), "annotations": annotations}
    return json.dumps({"type": "BOOKMARK", "object": {"metadata": meta}}).encode() + b"\n"


_EXTRA = st.sampled_from(
    [
        *map(_error, (410, 410, 500, 504)),
        *(b"\n", b"  \r\n", b'{"type":"NEWS","object":{}}\n'),
        *(b"<html>\n", b'{"type":"ADDED","object":{"metadata":{"name":"half"\n', b"\xff\xfe\n", b"null\n"),
        *(b'{"type":"BOOKMARK","object":{}}\n', b'{"type":"ERROR","object":"what"}\n'),
    ]
)
_CHUNKS = st.sampled_from([(4096,), (4096,), (1000, 7), (64,), (300, 1, 90)])
_ENDS = st.sampled_from(["", "clean", "cut", "cut", "silence"])
ANSWERS = weighted(
    (2, st.builds(ScriptedResponse, status=_CODES)),
    (
        2,
        st.builds(
            ScriptedResponse, after=st.integers(0, 6), extra=_EXTRA, end=_ENDS, chunks=_CHUNKS, page=st.integers(1, 3)
        ),
    ),
    (3, st.builds(ScriptedResponse, after=st.integers(0, 9), end=_ENDS, chunks=_CHUNKS, repeated=st.integers(0, 4))),
)
_NO_ERROR = ScriptedResponse()
_MAX_IDLE_TURNS = 10  # of the event loop; more than any `after`


class ScriptedServer:
    """Implements the methods of the client. While lines are sent, `changes` are applied, `pace` at a time."""

    def __init__(self, *, store, answers, changes, pace):
        self.store = store
        self.answers = collections.deque(answers)
        self.requests = collections.Counter()
        self.budget = Budget()
        self._changes = collections.deque(changes)
        self._pace = itertools.chain(pace, itertools.repeat(2))
        self._compacted = 0
        self._waiting = {}

    def __repr__(self):
        """The remaining script, for the message of a failed test."""
        return f"version {self.store.version}, {self._waiting=}, {self._changes=}, {self.answers=}, {self.requests=}"

    def settled(self, sources):
        """Whether the script has ended, and each of these watches has sent all changes."""
        synced = [
            self._waiting.get(_request_key(source.path, source.params)) == self.store.version for source in sources
        ]
        return not self._changes and not self.answers and all(synced)

    async def chunks(self, path, params):
        """A page of a list. All pages have the state at the time of the first."""
        await asyncio.sleep(0)
        self._apply_next_changes()
        answer = self._next("list")
        self._refuse(answer, path)
        version, start = map(int, params.get("continue", f"{self.store.version}/0").split("/"))
        if version < self._compacted:
            raise error_from_response(410, {}, b"", path=path)
        items = state_of(entry for entry in self.store.entries(path, params) if entry.version <= version)
        end = start + answer.page if "limit" in params else len(items)
        token = f"{version}/{end}" if end < len(items) else ""
        body = a_list(items[start:end], version=version, token=token)
        if answer.end == "cut":
            raise UnreachableError("cut", code="cut")
        body = body[: -answer.after - 1] if answer.end == "clean" else body + answer.extra.strip()
        for size in itertools.cycle(answer.chunks):
            if not body:
                return
            yield body[:size]
            body = body[size:]

    async def get(self, path, *, max_bytes):
        """The list of API groups. It is empty, so no other version of a missing resource is served."""
        assert (path, max_bytes > 0) == ("/apis", True)
        await asyncio.sleep(0)
        return b'{"kind": "APIGroupList", "groups": []}'

    async def lines(self, path, params, *, idle):
        """The lines of a watch or of a streamed list."""
        assert idle > 0
        await asyncio.sleep(0)
        answer = self._next("stream" if "sendInitialEvents" in params else "watch")
        self._refuse(answer, path)
        yield []
        with self.budget.share(path) as share:
            lines = Lines(share)
            try:
                async for chunk in _chunks(self._sent(answer, path, params), answer):
                    if (batch := lines.feed(chunk)) is not None:
                        yield batch
            except UnreachableError:
                if not lines.at_boundary:
                    raise
            finally:
                self._waiting.pop(_request_key(path, params), None)

    async def _sent(self, answer, path, params):
        """The lines with the extra line and the end of the script; an empty line if there is nothing to send."""
        count = 0
        async for line in self._lines(answer, path, params):
            self._apply_next_changes()
            if line and count == answer.after:
                if answer.extra:
                    yield answer.extra
                if answer.end == "cut":
                    yield line[: len(line) // 2]
                    raise UnreachableError("cut", code="cut")
                if answer.end == "silence":
                    raise UnreachableError("silence", code="timeout")
                if answer.end:
                    return
            count += bool(line)
            yield line

    async def _lines(self, answer, path, params):
        """The lines of a server without errors: initial objects, changes and bookmarks. It waits for more changes."""
        version = int(params.get("resourceVersion", self.store.version))
        mark = None
        if "sendInitialEvents" in params:
            mark = _END_MARK
            for item in state_of(self.store.entries(path, params)):
                yield b'{"type":"ADDED","object":%b}\n' % item
        elif version < self._compacted:
            yield _error(410)
            return
        version = max(0, version - answer.repeated)  # send the last events again
        while True:
            now = self.store.version  # changes continue while this is sent
            for entry in [entry for entry in self.store.entries(path, params) if version < entry.version <= now]:
                yield entry.line
            version = now
            yield _bookmark(version, mark)
            mark = None
            async for idle in self._idle(_request_key(path, params), version):
                yield b""
                if idle < _MAX_IDLE_TURNS and (answer.extra or answer.end):
                    yield _bookmark(version)  # events are needed to get to the end of the script
                elif self.answers:
                    return  # end this watch, so that the next request gets the next response

    async def _idle(self, requests, version):
        """Yields after each turn of the event loop, until something changes."""
        for turn in itertools.count():
            if version != self.store.version:
                break
            self._waiting[requests] = version
            await asyncio.sleep(0)
            self._apply_next_changes()
            yield turn
        self._waiting.clear()

    def _next(self, verb):
        self._waiting.clear()
        self.requests[verb] += 1
        return self.answers.popleft() if self.answers else _NO_ERROR

    def _refuse(self, answer, path):
        if answer.status == 410:
            self._compacted = self.store.version
        if answer.status is not None:
            raise error_from_response(answer.status, {"Retry-After": "1", "Audit-Id": "1"}, b"<html>", path=path)

    def _apply_next_changes(self):
        """Applies the next changes."""
        for _ in range(next(self._pace)):
            if self._changes:
                apply_change(self.store, self._changes.popleft())


async def _chunks(lines, answer):
    """The bytes of a stream in chunks, which can contain several lines or a part of one."""
    sizes = itertools.cycle(answer.chunks)
    size, rest = next(sizes), b""
    try:
        async for line in lines:
            rest += line
            while len(rest) >= size or (rest and not line):
                chunk, rest = rest[:size], rest[size:]
                size = next(sizes)
                yield chunk
    except UnreachableError:
        yield rest
        raise
    yield rest


def _request_key(path, params):
    return path, params.get("fieldSelector", "")
