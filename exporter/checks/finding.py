"""The results of checks."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from exporter.cache import Job, Pod

__all__ = ["HEALTHY", "NOTE", "UNHEALTHY", "UNKNOWN", "CheckResult", "Finding"]

HEALTHY, UNHEALTHY, UNKNOWN, NOTE = "ok", "UNHEALTHY", "UNKNOWN", "note"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of output. `status` is one of the four constants; a note does not affect the exit code.

    `cause` is set if a check failed for a reason that may affect other checks; `area` then names the check.
    `data` contains the numbers of the text, for JSON output.
    """

    status: str
    subject: str
    text: str
    cause: str = ""
    area: str = ""
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckResult:
    """The findings about one resource.

    `namespaces` are those with objects of the resource, `failed_namespaces` those in which it could not be listed.
    `agents` are the agents of its objects; `complete`: whether all objects could be listed. `jobs` and `pods` are
    unfinished.
    """

    findings: list[Finding]
    namespaces: frozenset[str]
    failed_namespaces: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    complete: bool = True
    jobs: Sequence[Job] = ()
    pods: Sequence[Pod] = ()
