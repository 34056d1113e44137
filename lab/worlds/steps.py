"""A change of an object in the history of a world."""

import dataclasses
from typing import Any

__all__ = ["Step"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """At the time `at` (seconds since the epoch), the object becomes `item`, or is deleted (`gone`)."""

    at: float
    item: dict[str, Any]
    gone: bool = False
