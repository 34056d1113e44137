"""An API server's side of lists and watches, which fails as a script says: whatever a reflector can meet.

It stands where the exporter's client stands, and speaks bytes: what it sends is cut into pieces anywhere, and comes
through the exporter's own splitter of lines. When the script has come to its end, the server is well.
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
from tests.property.pictures import a_list
from tests.property.shapes import happen
from tests.property.store import state_of
from tests.property.weighing import weighed

__all__ = ["ANSWERS", "Answer", "Server"]

_END_MARK = {"k8s.io/initial-events-end": "true"}
_CODES = st.sampled_from([400, 401, 403, 404, 410, 410, 422, 422, 422, 429, 500, 503])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """How one request is answered.

    `refusal` is a status instead of a body. `after` counts the lines after which `odd` comes in between; then the
    answer goes on, unless `end` says how it ends: `clean`, `cut` (in the middle of a line) or `silence`. `pieces`
    are the sizes in which bytes come; `back` is how many changes are told once more; `page` is the size of a page.
    """

    refusal: int | None = None
    after: int = 0
    odd: bytes = b""
    end: str = ""
    pieces: tuple[int, ...] = (4096,)
    back: int = 0
    page: int = 2


def _error(code):
    status = {"kind": "Status", "status": "Failure", "code": code, "message": "too old"}
    return json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"


def _bookmark(version, annotations=None):
    meta = {"resourceVersion": str(version), "annotations": annotations}
    return json.dumps({"type": "BOOKMARK", "object": {"metadata": meta}}).encode() + b"\n"


_ODD = st.sampled_from(
    [
        *map(_error, (410, 410, 500, 504)),
        *(b"\n", b"  \r\n", b'{"type":"NEWS","object":{}}\n'),
        *(b"<html>\n", b'{"type":"ADDED","object":{"metadata":{"name":"half"\n', b"\xff\xfe\n", b"null\n"),
        *(b'{"type":"BOOKMARK","object":{}}\n', b'{"type":"ERROR","object":"what"}\n'),
    ]
)
_PIECES = st.sampled_from([(4096,), (4096,), (1000, 7), (64,), (300, 1, 90)])
_ENDS = st.sampled_from(["", "clean", "cut", "cut", "silence"])
ANSWERS = weighed(
    (2, st.builds(Answer, refusal=_CODES)),
    (2, st.builds(Answer, after=st.integers(0, 6), odd=_ODD, end=_ENDS, pieces=_PIECES, page=st.integers(1, 3))),
    (3, st.builds(Answer, after=st.integers(0, 9), end=_ENDS, pieces=_PIECES, back=st.integers(0, 4))),
)
_WELL = Answer()
_PATIENCE = 10  # turns, which are more than any `after`


class Server:
    """A client's methods. `changes` come one by one as lines are sent, as many at a time as `pace` says."""

    def __init__(self, *, store, answers, changes, pace):
        self.store = store
        self.answers = collections.deque(answers)
        self.asked = collections.Counter()
        self.budget = Budget()
        self._changes = collections.deque(changes)
        self._pace = itertools.chain(pace, itertools.repeat(2))
        self._compacted = 0
        self._waiting = {}

    def __repr__(self):
        """What is still to come, for a story that does not end."""
        return f"version {self.store.version}, {self._waiting=}, {self._changes=}, {self.answers=}, {self.asked=}"

    def settled(self, sources):
        """Whether all that is in the script has happened, and each of these watches has heard of all of it."""
        heard = [self._waiting.get(_asked(source.path, source.params)) == self.store.version for source in sources]
        return not self._changes and not self.answers and all(heard)

    async def chunks(self, path, params):
        """A page of a list: as it was when its first page was asked for."""
        await asyncio.sleep(0)
        self._go_on()
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
        body = body[: -answer.after - 1] if answer.end == "clean" else body + answer.odd.strip()
        for size in itertools.cycle(answer.pieces):
            if not body:
                return
            yield body[:size]
            body = body[size:]

    async def get(self, path, *, max_bytes):
        """The API groups: none, so that what is missing has no other version."""
        assert (path, max_bytes > 0) == ("/apis", True)
        await asyncio.sleep(0)
        return b'{"kind": "APIGroupList", "groups": []}'

    async def lines(self, path, params, *, idle):
        """A watch, or a streamed list."""
        assert idle > 0
        await asyncio.sleep(0)
        answer = self._next("stream" if "sendInitialEvents" in params else "watch")
        self._refuse(answer, path)
        yield []
        with self.budget.share(path) as share:
            lines = Lines(share)
            try:
                async for piece in _pieces(self._sent(answer, path, params), answer):
                    if (batch := lines.feed(piece)) is not None:
                        yield batch
            except UnreachableError:
                if not lines.at_boundary:
                    raise
            finally:
                self._waiting.pop(_asked(path, params), None)

    async def _sent(self, answer, path, params):
        """The lines, the odd one among them, and the end; nothing where there is nothing to send for now."""
        count = 0
        async for line in self._lines(answer, path, params):
            self._go_on()
            if line and count == answer.after:
                if answer.odd:
                    yield answer.odd
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
        """What a server sends that is well: initial objects, changes, bookmarks; and it waits for more."""
        version = int(params.get("resourceVersion", self.store.version))
        mark = None
        if "sendInitialEvents" in params:
            mark = _END_MARK
            for item in state_of(self.store.entries(path, params)):
                yield b'{"type":"ADDED","object":%b}\n' % item
        elif version < self._compacted:
            yield _error(410)
            return
        version = max(0, version - answer.back)  # what is told once more
        while True:
            now = self.store.version  # more happens while this is being sent
            for entry in [entry for entry in self.store.entries(path, params) if version < entry.version <= now]:
                yield entry.line
            version = now
            yield _bookmark(version, mark)
            mark = None
            async for idle in self._idle(_asked(path, params), version):
                yield b""
                if idle < _PATIENCE and (answer.odd or answer.end):
                    yield _bookmark(version)  # what is in the script comes, however little happens
                elif self.answers:
                    return  # a server may end each watch: who asks again gets the next answer

    async def _idle(self, asked, version):
        """Turns of the event loop, until something happens."""
        for turn in itertools.count():
            if version != self.store.version:
                break
            self._waiting[asked] = version
            await asyncio.sleep(0)
            self._go_on()
            yield turn
        self._waiting.clear()

    def _next(self, verb):
        self._waiting.clear()
        self.asked[verb] += 1
        return self.answers.popleft() if self.answers else _WELL

    def _refuse(self, answer, path):
        if answer.refusal == 410:
            self._compacted = self.store.version
        if answer.refusal is not None:
            raise error_from_response(answer.refusal, {"Retry-After": "1", "Audit-Id": "1"}, b"<html>", path=path)

    def _go_on(self):
        """Some of the changes happen."""
        for _ in range(next(self._pace)):
            if self._changes:
                happen(self.store, self._changes.popleft())


async def _pieces(lines, answer):
    """The bytes of a stream as a network cuts them: lines together, and in the middle of one."""
    sizes = itertools.cycle(answer.pieces)
    size, rest = next(sizes), b""
    try:
        async for line in lines:
            rest += line
            while len(rest) >= size or (rest and not line):
                piece, rest = rest[:size], rest[size:]
                size = next(sizes)
                yield piece
    except UnreachableError:
        yield rest
        raise
    yield rest


def _asked(path, params):
    return path, params.get("fieldSelector", "")
