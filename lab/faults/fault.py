"""Faults of the network or the server, and the requests that they affect."""

import dataclasses
from collections.abc import Callable
from typing import Literal

__all__ = ["Answer", "Asked", "Fault"]

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


def _never() -> bool:
    return False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """A request: its time (monotonic seconds), and whether a fault affected it (`struck`).

    The kind `stream` is a streamed list (a watch with sendInitialEvents), which continues as a watch; `page` is a
    paged list.
    """

    at: float
    kind: Literal["stream", "page", "watch"]
    path: str
    query: dict[str, str]
    token: str
    struck: bool = False

    @property
    def resource(self) -> str:
        """The plural of the requested resource."""
        return self.path.rpartition("/")[2]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault, which affects all requests by default. `list` means a streamed or a paged list.

    `answer` replaces the response of the server. `then` is what happens after the first `after` bytes of a body:
    `reset` (RST), `close` (FIN, without the end of the response), `end` (the response ends regularly) or `silence`
    (no more data). No data is sent for `delay` seconds, and while `held` returns true. `rate` is in bytes per second.
    After `lasts` seconds, a response ends regularly. The fault affects `times` requests; None means all. Without
    `beats`, the proxy sends no empty lines in a quiet watch. Lines that contain the bytes `drops` are dropped.
    """

    kind: Literal["any", "list", "stream", "page", "watch"] = "any"
    path: str = ""
    times: int | None = None
    delay: float = 0.0
    held: Callable[[], bool] = _never
    answer: Answer | None = None
    after: int = 0
    then: Literal["pass", "reset", "close", "end", "silence"] = "pass"
    rate: int | None = None
    lasts: float | None = None
    beats: bool = True
    drops: bytes = b""

    def is_for(self, asked: Asked) -> bool:
        """Whether the fault affects this request."""
        kinds = {"any", asked.kind} if asked.kind == "watch" else {"any", "list", asked.kind}
        return self.kind in kinds and self.path in asked.path
