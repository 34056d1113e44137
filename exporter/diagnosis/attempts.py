"""Runs between two attempts: the Job of the last one is gone, and the controller has not created the next one yet.

The controller deletes the Job, raises the number of the attempt, and creates the next Job within seconds. Meanwhile
the status names the old Job.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from exporter.cache import Event, ObjectCache, Run
from exporter.diagnosis.causes import CAUSES
from exporter.diagnosis.events import words
from exporter.diagnosis.finding import MAX_EVIDENCE, Finding, found, of_run
from exporter.diagnosis.fixes import FIXES
from exporter.diagnosis.gone import CREATED_POD, TELLING, events_of_gone
from exporter.diagnosis.waiting import wait_first
from exporter.untrusted import one_line

__all__ = ["as_between_attempts", "gone_since"]

_VERSION: Final = re.compile(r".*-v([0-9]{1,9})")
"""How the platform names the Job of an attempt."""
_MISSING: Final = "job_missing"
_FAILURES: Final = frozenset(
    {"BackoffLimitExceeded", "DeadlineExceeded", "FailedIndexes", "MaxFailedIndexesExceeded", "PodFailurePolicy"}
)
"""Reasons with which the Job controller reports that a Job has failed: pkg/controller/job/job_controller.go."""
_DELETIONS: Final = TELLING | {"SuccessfulDelete"}
"""Reasons of Events about the end of a pod, which its Job may have outlived."""
_ENDS: Final = _FAILURES | _DELETIONS | {"Completed"}


def gone_since(run: Run, cache: ObjectCache) -> float | None:
    """Since when the Job that the status names is missing, as Events or the spec show; None if that is unknown.

    An Event of its end, or the change of the spec that begins an attempt. Any other Event, such as that of its
    creation, only proves that the Job existed then: it counts if that is so short ago that the state is normal.
    """
    times = [event.last for event in _ends(run, cache)] + [run.spec_changed if _is_ahead(run) else None]
    if known := [at for at in times if at is not None]:
        return max(known)
    proof = max((event.last for event in events_of_gone(run.uid, cache) if event.last is not None), default=None)
    return proof if proof is not None and _is_normal(proof, cache.now) else None


def as_between_attempts(run: Run, findings: list[Finding], cache: ObjectCache) -> Iterator[Finding]:
    """The same findings; `job_missing` becomes `between_attempts` if the run is between two and that is normal.

    The state decides: its attempt is newer than the missing Job, or the failure or deletion of that Job is known.
    """
    for one in findings:
        if one.cause != _MISSING:
            yield one
            continue
        end = next((event for event in _ends(run, cache) if event.reason in _FAILURES | _DELETIONS), None)
        is_new = one.since is not None and _is_normal(one.since, cache.now)
        if (is_new and (end is not None or _is_ahead(run))) or (one.since is None and _is_ahead(run)):
            yield _between(run, one.since, end)
        elif end is not None:
            text = one_line(f"{one.evidence}; {_said(end)}", limit=MAX_EVIDENCE)
            yield msgspec.structs.replace(one, evidence=text)
        else:
            yield one


def _between(run: Run, since: float | None, end: Event | None) -> Finding:
    number = f" of attempt {_version(run)}" if _is_ahead(run) else ""
    why = "" if end is None else f": {_said(end)}"
    unknown = "; since when is unknown" if since is None else ""
    new = f"attempt {run.attempt}" if number else "the next attempt"
    text = f"{new} has no {run.worker} yet, and {run.worker} {run.status_job}{number} is gone{why}{unknown}"
    until = None if since is None else since + CAUSES[_MISSING].grace
    fix = wait_first(FIXES[_MISSING], until)
    return msgspec.structs.replace(found("between_attempts", text, about=of_run(run), since=since), fix=fix)


def _ends(run: Run, cache: ObjectCache) -> list[Event]:
    """The Events of its end, those of the Job before those of its pods, each the newest first.

    The end of a pod is none if the Job created another pod after it.
    """
    every = [*events_of_gone(run.uid, cache)]
    created = max((one.last or 0.0 for one in every if one.reason == CREATED_POD), default=0.0)
    ends = [one for one in every if one.reason in _ENDS]
    ends = [one for one in ends if one.reason in _FAILURES or (one.last or 0.0) >= created]
    return sorted(ends, key=lambda one: one.reason not in _FAILURES)


def _said(event: Event) -> str:
    return words(event) if event.about_kind == "Job" else f"pod {event.about_name}: {words(event)}"


def _is_normal(since: float, now: float) -> bool:
    return now - since < CAUSES[_MISSING].grace


def _version(run: Run) -> int:
    """The number of the attempt in the name of the Job; 0 if it has none."""
    match = _VERSION.fullmatch(run.status_job)
    return int(match[1]) if match else 0


def _is_ahead(run: Run) -> bool:
    """Whether the attempt of the run is newer than the Job that its status names."""
    return _VERSION.fullmatch(run.status_job) is not None and run.attempt > _version(run)
