"""What was found out about one thing."""

import dataclasses
from collections.abc import Mapping
from typing import Any

__all__ = ["HEALTHY", "NOTE", "UNHEALTHY", "UNKNOWN", "Finding", "Part"]

HEALTHY, UNHEALTHY, UNKNOWN, NOTE = "ok", "UNHEALTHY", "UNKNOWN", "note"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One line: `status` is one of the four words; a note leaves the exit code alone.

    `cause` is why a check failed, where others may fail for the same reason; `area` is then what it belongs to.
    `data` is what the text counts, for the output as JSON.
    """

    status: str
    subject: str
    text: str
    cause: str = ""
    area: str = ""
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """The findings about one resource.

    `namespaces` are those in which an object of it was seen, `unread` those in which it could not be listed.
    `agents` are those that its objects name; `all` says whether all of these were read.
    """

    findings: list[Finding]
    namespaces: frozenset[str]
    unread: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    all: bool = True
