"""What was found out about one thing."""

import dataclasses

__all__ = ["HEALTHY", "NOTE", "UNHEALTHY", "UNKNOWN", "Finding", "Part", "plural"]

HEALTHY, UNHEALTHY, UNKNOWN, NOTE = "ok", "UNHEALTHY", "UNKNOWN", "note"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One line: `status` is one of the four words; a note leaves the exit code alone.

    `cause` is why a check failed, where others may fail for the same reason; `area` is then what it belongs to.
    """

    status: str
    subject: str
    text: str
    cause: str = ""
    area: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """The findings about one resource, and the namespaces in which an object of it was seen."""

    findings: list[Finding]
    namespaces: frozenset[str]


def plural(number: int, noun: str) -> str:
    """The number and the noun: `1 key`, `2 keys`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
