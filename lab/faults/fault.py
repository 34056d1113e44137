"""What a faulty network or server does to a request."""

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
    """One request: when it came (monotonic seconds), and whether it met a fault.

    `stream` is a streamed list (a watch with sendInitialEvents), which goes on as a watch; `page` a list in pages.
    """

    at: float
    kind: Literal["stream", "page", "watch"]
    path: str
    query: dict[str, str]
    token: str
    struck: bool = False

    @property
    def resource(self) -> str:
        """The plural that it asks for."""
        return self.path.rpartition("/")[2]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to requests: by default to all of them, and nothing. A `list` is a stream or a page.

    `answer` stands for the server's own. Of a body only the first `after` bytes pass, and `then` the connection is
    reset (RST), closed (FIN, without the end of the answer), the answer ends in good order, or nothing comes any
    more. Nothing is said for `delay` seconds, and as long as it is `held`; `rate` is in bytes a second, and after
    `lasts` seconds an answer ends in good order. It strikes so many `times`; None: for as long as it is there.
    Without `beats` the proxy says nothing of its own while the server is silent. `drops` are lines that it swallows:
    those that hold these bytes.
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
        """Whether it strikes this request."""
        kinds = {"any", asked.kind} if asked.kind == "watch" else {"any", "list", asked.kind}
        return self.kind in kinds and self.path in asked.path
