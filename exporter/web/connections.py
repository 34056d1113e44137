"""Every connection of the web server: at each moment it waits for one thing, and for each thing there is a time."""

import asyncio
import dataclasses
import logging
import socket
from http import HTTPStatus
from typing import cast

from aiohttp import web

from exporter.web.limits import Limits, Refusals

__all__ = ["Connection", "Connections", "disguise"]

# Aiohttp tells of every client that sent garbage: anyone who can reach the port could fill the log.
_quiet = logging.getLogger(f"{__name__}.aiohttp")
_quiet.setLevel(logging.CRITICAL + 1)

_TOO_LARGE = b"431: Request Header Fields Too Large\n"
_ANSWER_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(_TOO_LARGE), _TOO_LARGE)
)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class _Stage:
    """What connections wait for, and for how long. The oldest member is the first, and the first to be late."""

    seconds: float
    reason: str | None = None
    members: "dict[Connection, float]" = dataclasses.field(default_factory=dict)


class Connections:
    """Who is connected. It is not a task: `sweep` is called by the event loop, from `start` to `stop`."""

    def __init__(self, *, limits: Limits, refusals: Refusals) -> None:
        self.limits = limits
        self.refusals = refusals
        self._loop = asyncio.get_running_loop()
        self._greeting = _Stage(seconds=limits.head_seconds, reason="slow_handshake")
        self._head = _Stage(seconds=limits.head_seconds, reason="slow_head")
        self._answer = _Stage(seconds=limits.answer_seconds, reason="slow_reader")
        self._idle = _Stage(seconds=limits.idle_seconds)
        self._oversized = _Stage(seconds=limits.linger_seconds, reason="head_too_large")
        self._leaving = _Stage(seconds=limits.linger_seconds)
        # In this order they make room: first who was answered, last who may come back on the same connection.
        self._stages = (self._leaving, self._oversized, self._greeting, self._head, self._idle, self._answer)
        self._stage_of: dict[Connection, _Stage] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._stage_of)

    def start(self) -> None:
        """Looks for the late from now on."""
        self._timer = self._loop.call_later(self.limits.sweep_seconds, self._sweep)

    def drop_stalled(self, *, seconds: float) -> None:
        """Ends those that have taken nothing for so long: they would not take the rest of it either."""
        for connection in list(self._answer.members):
            if connection.stalled_seconds() >= seconds:
                self.drop(connection, reason=None)

    def stop(self) -> None:
        """Ends all connections, whatever they wait for."""
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(self._stage_of):
            self.drop(connection, reason=None)

    def admit(self, connection: "Connection", *, greeting: bool = False) -> bool:
        """Whether a new one may stay. Where there are too many, the one that was silent for longest makes room."""
        if len(self) >= self.limits.connections:
            silent = (next(iter(stage.members), None) for stage in self._stages if stage is not self._answer)
            oldest = next(filter(None, silent), None)
            if oldest is None:
                self.refusals.count("connections")
                return False
            self.drop(oldest, reason="connections")
        self._enter(connection, self._greeting if greeting else self._head)
        return True

    def greeted(self, connection: "Connection") -> None:
        """Its handshake is done."""
        self._move(connection, self._head)

    def heard(self, connection: "Connection") -> None:
        """It said something: a request begins, unless one is under way."""
        if self._stage_of.get(connection) is self._idle:
            self._move(connection, self._head)

    def too_much(self, connection: "Connection") -> None:
        """It sends more than a request's head may have; if that was a whole one, its answer is about to begin."""
        if self._stage_of.get(connection) is self._head:
            self._move(connection, self._oversized)

    def begun(self, connection: "Connection") -> None:
        """A request's head is whole: now it is answered."""
        self._move(connection, self._answer)

    def ended(self, connection: "Connection", *, last: bool) -> None:
        """The answer is written; `last` if there can be no other on this connection."""
        self._move(connection, self._leaving if last else self._idle)

    def lost(self, connection: "Connection") -> None:
        """It is gone."""
        stage = self._stage_of.pop(connection, None)
        if stage is not None:
            del stage.members[connection]

    def drop(self, connection: "Connection", *, reason: str | None) -> None:
        """Ends it at once, and forgets what was not sent yet: a close would wait for the client to take it."""
        self.lost(connection)
        if reason is not None:
            self.refusals.count(reason)
        connection.abort()

    def _move(self, connection: "Connection", stage: _Stage) -> None:
        if connection in self._stage_of:  # else it was lost while its handler was still at work
            self.lost(connection)
            self._enter(connection, stage)

    def _enter(self, connection: "Connection", stage: _Stage) -> None:
        self._stage_of[connection] = stage
        stage.members[connection] = self._loop.time() + stage.seconds

    def _sweep(self) -> None:
        self.start()
        self.refusals.settle()
        now = self._loop.time()
        for stage in self._stages:
            while stage.members:
                connection, deadline = next(iter(stage.members.items()))
                if deadline > now:
                    break
                if stage is self._oversized:
                    connection.say(_ANSWER_TOO_LARGE)
                self.drop(connection, reason=stage.reason)


class Connection(web.RequestHandler):
    """One connection, under the limits; what is HTTP in it is aiohttp's."""

    def __init__(self, server: web.Server, *, connections: Connections) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            logger=_quiet,
            access_log=cast("logging.Logger", None),  # which is how aiohttp is told of none
            lingering_time=connections.limits.linger_seconds,
            auto_decompress=False,  # nobody's body is wanted, packed or not
        )
        self._connections = connections
        self._stalled_since: float | None = None
        self._wire: asyncio.Transport | None = None
        self._read = 0
        self._too_much = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody came."""
        self._wire = cast("asyncio.Transport", transport)
        if not self._connections.admit(self):
            self._wire.abort()
            return
        self._open(self._wire)

    def _open(self, transport: asyncio.Transport) -> None:
        # Without it the kernel takes megabytes for each reader that is slow, and it shows too late who is.
        listener = cast("socket.socket", transport.get_extra_info("socket"))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._connections.limits.unsent_bytes)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is over."""
        self._connections.lost(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads so much and no more until an answer is written. Aiohttp calls it without data, to go on."""
        if not data:
            super().data_received(data)
            return
        if self._too_much:
            return
        room = self._connections.limits.request_bytes - self._read
        self._read += len(data)
        self._too_much = len(data) > room
        self._connections.heard(self)
        super().data_received(data[:room])
        if self._too_much:
            self._connections.too_much(self)

    def pause_writing(self) -> None:
        """The client takes less than there is to send."""
        self._stalled_since = asyncio.get_running_loop().time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It has taken most of it."""
        self._stalled_since = None
        super().resume_writing()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is not HTTP, and to our own mistakes: one line, and nothing of what was sent."""
        answer = cast("web.Response", super().handle_error(request, status, exc, message))
        answer.text = f"{status}: {HTTPStatus(status).phrase}\n"
        disguise(answer)
        if status == HTTPStatus.BAD_REQUEST:
            self._connections.refusals.count("bad_request")
        return answer

    def stalled_seconds(self) -> float:
        """For how long there is more to send than the client takes; 0 if there is not."""
        return 0.0 if self._stalled_since is None else asyncio.get_running_loop().time() - self._stalled_since

    async def sent(self) -> None:
        """Until no more of an answer is kept here than a connection may have."""

    def begun(self) -> None:
        """A handler is at work."""
        self._connections.begun(self)

    def ended(self) -> None:
        """It is done."""
        self._read = 0
        self._connections.ended(self, last=self._too_much)

    def say(self, text: bytes) -> None:
        """Writes an answer that is not aiohttp's."""
        if self._wire is not None:
            self._wire.write(text)

    def abort(self) -> None:
        """Ends it now."""
        if self._wire is not None:
            self._wire.abort()


def disguise(answer: web.StreamResponse) -> None:
    """No names and versions of libraries, and no guesses about what it may be."""
    answer.headers["Server"] = "coderun-exporter"
    answer.headers["X-Content-Type-Options"] = "nosniff"
