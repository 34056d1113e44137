"""Faults of a network or server that affect a request."""

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
    """A request: its time (monotonic seconds), and whether a fault affected it.

    `stream` is a streamed list (a watch with sendInitialEvents), which continues as a watch; `page` is a paged list.
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

    `answer` replaces the response of the server. After the first `after` bytes of a body, `then` the connection is
    reset (RST) or closed (FIN, without the end of the response), the response ends regularly, or no more data is
    sent. No data is sent for `delay` seconds and while it is `held`; `rate` is in bytes per second; after `lasts`
    seconds a response ends regularly. It affects `times` requests; None: all while it is active. Without `beats`, the
    proxy sends nothing while the server is silent. `drops`: lines with these bytes are dropped.
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
        """Whether it affects this request."""
        kinds = {"any", asked.kind} if asked.kind == "watch" else {"any", "list", asked.kind}
        return self.kind in kinds and self.path in asked.path
