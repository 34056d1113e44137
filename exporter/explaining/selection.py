"""The explanations of a snapshot that were asked for: of one run, or of all."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from exporter.cache import Job, Run
from exporter.diagnosis.explaining import explanation_of, is_listed, worst_first
from exporter.diagnosis.explanation import Explanation
from exporter.diagnosis.target import Target, found_in
from exporter.explaining.errors import ExplainError
from exporter.explaining.snapshot import Snapshot

__all__ = ["Selected", "selected"]

_FEW = 5


class Selected(NamedTuple):
    """`is_partial`: there may be others, which could not be read."""

    runs: Sequence[Explanation]
    notes: Sequence[str] = ()
    is_partial: bool = False


def selected(snapshot: Snapshot, target: Target | None, *, now: float, ended: bool) -> Selected:
    """The run of a name, with the notes in it; or all, the worst first, and the notes. Raises ExplainError."""
    cache = snapshot.cache(now)
    notes = tuple(snapshot.notes)
    if target is None:
        items = (one for one in (*cache.runs, *cache.jobs) if (ended or not _is_over(one)) and is_listed(one, cache))
        return Selected(worst_first(explanation_of(one, cache) for one in items), notes, snapshot.is_partial)
    found = found_in(cache, target)
    if not found:
        why = f" ({notes[0]})" if notes else ""
        raise ExplainError(f"{target.text}: no run, Job or Pod of this name{why}")
    if len(found) > 1:
        names = ", ".join(f"{one.namespace}/{one.name}" for one in found[:_FEW])
        raise ExplainError(f"{target.text}: several have this name: {names}")
    return Selected([msgspec.structs.replace(explanation_of(found[0], cache), notes=notes)])


def _is_over(item: Run | Job) -> bool:
    return item.terminal if isinstance(item, Run) else bool(item.result)
