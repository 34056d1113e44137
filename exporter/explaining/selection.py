"""Explains one run of a snapshot, or all runs."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from exporter.cache import Job, ObjectCache, Run
from exporter.diagnosis.explaining import explanation_of, is_listed, is_over, is_past, worst_first
from exporter.diagnosis.explanation import Explanation
from exporter.diagnosis.findings import FAULT, findings, verdict
from exporter.diagnosis.recent_failures import RECENT_HOURS, failed_recently
from exporter.diagnosis.target import Target, found_in
from exporter.explaining.errors import ExplainError
from exporter.explaining.holders import Holders
from exporter.explaining.snapshot import Snapshot
from exporter.plurals import plural

__all__ = ["Selection", "explain_runs", "failed_note"]

_MAX_NAMES = 5


class Selection(NamedTuple):
    """Explanations. `is_partial`: some runs could not be read."""

    runs: Sequence[Explanation]
    notes: Sequence[str] = ()
    is_partial: bool = False


def explain_runs(
    snapshot: Snapshot, target: Target | None, *, now: float, ended: bool, namespace: str = ""
) -> Selection:
    """Explains the run `target`, or all runs of `namespace` (empty: of all), the most severe first.

    `ended`: includes all finished runs, and not only those that failed recently. Raises ExplainError.
    """
    cache = snapshot.cache(now)
    holders, notes = Holders(cache, snapshot), tuple(snapshot.notes)
    if target is None:
        items = [one for one in (*cache.runs, *cache.jobs) if is_listed(one, cache)]
        items = [one for one in items if namespace in {"", one.namespace}]
        shown = [one for one in items if ended or not is_over(one, cache) or failed_recently(one, cache)]
        runs = worst_first(holders.added_to(explanation_of(one, cache)) for one in shown)
        notes = (*notes, *(() if ended else failed_note(runs)), *_note(items, shown, cache))
        return Selection(runs, notes, snapshot.is_partial)
    found = found_in(cache, target)
    if not found:
        why = f" ({notes[0]})" if notes else ""
        raise ExplainError(f"{target.text}: no run, Job or Pod of this name{why}")
    if len(found) > 1:
        names = ", ".join(f"{one.namespace}/{one.name}" for one in found[:_MAX_NAMES])
        raise ExplainError(f"{target.text}: several have this name: {names}")
    run = holders.added_to(explanation_of(found[0], cache))
    return Selection([msgspec.structs.replace(run, notes=(*run.notes, *notes))])


def failed_note(runs: Sequence[Explanation]) -> Iterator[str]:
    """A note if a list of open runs has only runs that are over."""
    if runs and all(map(is_past, runs)):
        did = "failed" if all(run.state == "failed" for run in runs) else "have a fault and ended"
        yield f"No open runs found: the listed runs {did} within the last {RECENT_HOURS} h"


def _note(items: Sequence[Run | Job], shown: Sequence[Run | Job], cache: ObjectCache) -> Iterator[str]:
    """A note with the number of runs with a fault that are not shown."""
    uids = {one.uid for one in shown}
    hidden = (one for one in items if one.uid not in uids)
    count = sum(verdict(findings(one, cache), cache.now) == FAULT for one in hidden)
    if count:
        have = "has" if count == 1 else "have"
        yield f"{plural(count, 'run')} that {'is' if count == 1 else 'are'} over {have} a fault: --all lists them"
