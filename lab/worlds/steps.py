"""One change of one object."""

import dataclasses
from typing import Any

__all__ = ["Step"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """At that time (seconds since the epoch), the object is `item`, or is deleted (`gone`)."""

    at: float
    item: dict[str, Any]
    gone: bool = False
