"""The runs and Jobs of lab/workload.py at other ages: running, finished, or stuck."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from lab.workload import coderun, job

__all__ = ["late", "quiet", "stuck"]

_SERVICES = 4  # with five agents, 20 combinations
_RUNNING = 3  # of ten runs, the number that is running


def quiet(objects: int) -> Iterator[dict[str, Any]]:
    """Three runs in ten are running, the others succeeded less than the retention time ago."""
    for index in range(objects):
        if index % 10 < _RUNNING:
            yield from _pair(index, age=300 + index * 37 % 2100)
        else:
            yield from _pair(index, age=3600 + index * 37 % 14400, phase="Succeeded", worked=900)


def stuck(objects: int) -> Iterator[dict[str, Any]]:
    """One additional run for each hundred, stuck in one of four ways.

    It has no Job, its Job does not end, only the run has ended, or only the Job has ended.
    """
    for index in range(objects, objects + objects // 100):
        way = index % 4
        if way == 0:
            run, _ = _pair(index, age=1200)
            yield {key: value for key, value in run.items() if key != "status"}
        elif way == 1:
            yield from _pair(index, age=7200)
        else:
            ways: list[dict[str, Any]] = [{"phase": "Succeeded"}, {"worked": 600}]
            yield from _pair(index, age=2400, **ways[way - 2])


def late(first: int, count: int) -> Iterator[dict[str, Any]]:
    """`count` runs without a status and a Job for 20 minutes, and `count` runs with a Job that is 5 hours old."""
    for index in range(first + count, first + 2 * count):
        yield from _pair(index, age=5 * 3600)
    for index in range(first, first + count):
        run, _ = _pair(index, age=1200)
        run["metadata"]["finalizers"] = ["coderuns.orchestrator.io/finalizer"]
        yield {key: value for key, value in run.items() if key != "status"}


def _pair(
    index: int, *, age: int, phase: str = "Running", worked: int | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run and its Job, created `age` seconds ago. With `worked`, the Job completed after that many seconds."""
    run, work, born = coderun(index), job(index), _ago(age)
    run["metadata"]["creationTimestamp"] = work["metadata"]["creationTimestamp"] = born
    run["spec"]["service"] = work["metadata"]["labels"]["service"] = f"service-{index % _SERVICES}"
    run["status"] |= {"phase": phase, "lastUpdate": born if worked is None else _ago(age - worked)}
    work["spec"]["activeDeadlineSeconds"] = 3600
    work["status"] = {"active": 1, "startTime": born}
    if worked is not None:
        end = {"type": "Complete", "status": "True", "lastTransitionTime": _ago(age - worked)}
        work["status"] = {"startTime": born, "completionTime": _ago(age - worked), "conditions": [end]}
    return run, work


def _ago(seconds: int) -> str:
    return (dt.datetime.now(dt.UTC) - dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
