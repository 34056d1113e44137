"""Facts about the real platform: the statuses in the object sets, and those that controllers of Kubernetes write.

Values are normalized: a time is `TIME`, and the name of a Job or run is `NAME`.
"""

import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lab import fast_yaml

__all__ = ["JOB_STATUSES", "Fact", "facts_of", "job_shape", "known_facts", "objects_of"]

OBJECTS = pathlib.Path(__file__).resolve().parents[2] / "lab" / "worlds" / "objects"
_TIME = re.compile(r"@-\w+|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_NAME = re.compile(r"(play-coderun|review)-[a-z0-9-]+|(coderun|cto-parallel-test)-[a-z0-9-]*t\d+[a-z0-9-]*")

Fact = tuple[str, str]
"""The path of a field, and its normalized value."""


def objects_of(kind: str) -> Iterator[dict[str, Any]]:
    """All objects of this kind in the object sets."""
    for path in sorted(OBJECTS.glob("*.yaml")):
        for document in fast_yaml.load_all(path.read_text("utf-8")):
            items = document["items"] if document.get("kind") == "List" else [document]
            yield from (item for item in items if item["kind"] == kind)


def known_facts(kind: str, part: str) -> set[Fact]:
    """All fields and values of `part` (`status`, `spec`, ...) in the objects of this kind."""
    return {fact for item in objects_of(kind) for fact in facts_of(item.get(part, {}))}


def facts_of(value: Any, path: str = "") -> Iterator[Fact]:
    """All fields and values. Elements of a list have the path `[]`."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from facts_of(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from facts_of(inner, f"{path}[]")
    else:
        text = str(value)
        yield path, "TIME" if _TIME.fullmatch(text) else _NAME.sub("NAME", text)


def job_shape(status: Mapping[str, Any]) -> tuple[frozenset[str], tuple[str, ...]]:
    """The fields of a Job's status, with counts but without other values; and its conditions in their order."""
    conditions = tuple(
        f"{each['type']}={each['status']} {each.get('reason', '')}" for each in status.get("conditions", ())
    )
    return frozenset(f"{name}={_counted(name, status[name])}" for name in status if name != "conditions"), conditions


def _counted(name: str, value: Any) -> Any:
    return value if name in _COUNTS else "..."


_COUNTS = {"active", "ready", "succeeded", "failed", "terminating"}


def _shape(*conditions: str, **fields: Any) -> tuple[frozenset[str], tuple[str, ...]]:
    always = {"ready": 0, "terminating": 0, "uncountedTerminatedPods": "..."}
    return frozenset(f"{name}={value}" for name, value in (always | fields).items()), conditions


_DONE = ("SuccessCriteriaMet=True CompletionsReached", "Complete=True CompletionsReached")
_START: dict[str, Any] = {"startTime": "..."}
_RESUMED = "Suspended=False JobResumed"
JOB_STATUSES = {
    (frozenset(), ()): "not seen by the Job controller yet",
    _shape(**_START, active=1): "its pod is not ready yet, or pending",
    _shape(**_START, active=1, ready=1): "its agent works",
    _shape(**_START): "no pod can be created: `active` is absent",
    _shape("Suspended=True JobSuspended"): "suspended: no start time",
    _shape(_RESUMED, **_START, active=1): "resumed",
    _shape(_RESUMED, **_START, active=1, ready=1): "resumed, and its agent works",
    _shape(*_DONE, **_START, succeeded=1, completionTime="..."): "complete",
    _shape(*(f"{kind}=True BackoffLimitExceeded" for kind in ("FailureTarget", "Failed")), **_START, failed=1): (
        "failed: no completionTime"
    ),
    _shape(
        "FailureTarget=True DeadlineExceeded", **_START, failed=1, terminating=1
    ): "past its deadline, its pod is terminating",
    _shape(*(f"{kind}=True DeadlineExceeded" for kind in ("FailureTarget", "Failed")), **_START, failed=1): (
        "failed by its deadline"
    ),
}
"""The statuses of Jobs that the Job controller of Kubernetes 1.36 writes, and when."""
