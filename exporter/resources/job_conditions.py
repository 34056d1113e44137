"""How and why a Job ends, from its conditions."""

from collections.abc import Sequence
from typing import Final

from exporter.resources.containers import cleaned
from exporter.resources.objects import Condition, intern_label

__all__ = ["end_of", "is_decided", "message_of", "reason_of"]

# Why a Job fails: https://pkg.go.dev/k8s.io/api/batch/v1#pkg-constants
_REASONS: Final = frozenset(
    {"BackoffLimitExceeded", "DeadlineExceeded", "FailedIndexes", "MaxFailedIndexesExceeded", "PodFailurePolicy"}
)
_COMPLETE: Final = frozenset({"CompletionsReached", ""})
"""Reasons of a Job that succeeds as usual."""
_PLAIN: Final = frozenset({"BackoffLimitExceeded", "DeadlineExceeded"})
"""Reasons whose message says no more."""


def end_of(conditions: Sequence[Condition]) -> Condition | None:
    """The condition of a finished Job. SuccessCriteriaMet and FailureTarget precede it and are ignored."""
    return _first(conditions, "Complete", "Failed")


def is_decided(conditions: Sequence[Condition]) -> bool:
    """Whether the Job has finished, or its last pods terminate: no other index works."""
    return _first(conditions, "Complete", "Failed", "FailureTarget", "SuccessCriteriaMet") is not None


def reason_of(end: Condition | None) -> str:
    """The reason, from a closed set, because it becomes a label of counters."""
    if end is None or end.type != "Failed" or not end.reason:
        return ""
    return end.reason if end.reason in _REASONS else "other"


def message_of(conditions: Sequence[Condition], failed_indexes: str | None) -> str:
    """Reason and message of a Job that failed, or whose pods the Job controller ends; empty if it has only a reason.

    `failed_indexes` is `status.failedIndexes`, such as `1,3-5`. It changes until the Job has failed, and each is a
    new series: until then, the text is without it.
    """
    if (end := _first(conditions, "Failed", "FailureTarget", "SuccessCriteriaMet")) is None:
        return ""
    if end.reason in _PLAIN:
        return "" if end.type == "Failed" else intern_label(end.reason)
    if end.type == "SuccessCriteriaMet" and ((end.reason or "") in _COMPLETE or end_of(conditions) is not None):
        return ""
    indexes = f"indexes {failed_indexes}" if failed_indexes and end.type == "Failed" else ""
    parts = [cleaned(end.message), cleaned(indexes)]
    text = ": ".join(filter(None, parts))
    return ": ".join(filter(None, (intern_label(end.reason), text))) if text else ""


def _first(conditions: Sequence[Condition], *types: str) -> Condition | None:
    return next((item for kind in types for item in conditions if (item.type, item.status) == (kind, "True")), None)
