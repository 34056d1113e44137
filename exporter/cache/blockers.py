"""Runs that the platform's controller cannot decode. One such run makes the controller's list of all runs fail.

A run that no controller has processed is `untouched`: it has no finalizer and no status.
"""

from collections.abc import Iterable
from typing import NamedTuple

from exporter.cache.records import Record, Run

__all__ = ["Blockers"]

_Place = tuple[str, str]


class _Survey(NamedTuple):
    """Creation time of the newest run that the controller has processed, and the number of unprocessed runs."""

    newest_touched: float
    untouched: int


class Blockers:
    """The untouched runs that cannot be decoded, by namespace and kind.

    If the controller has processed a newer run, its list succeeds, so that no run is blocked.
    """

    def __init__(self) -> None:
        self._runs: dict[_Place, dict[str, Run]] = {}
        self._surveys: dict[_Place, _Survey] = {}
        """A survey is computed again after each change of a run of this namespace and kind."""

    def update(self, old: Record | None, new: Record | None) -> None:
        """Updates the index after a change."""
        for run in (old, new):
            if isinstance(run, Run):
                self._surveys.pop(_place(run), None)
        if isinstance(old, Run) and self._runs:
            runs = self._runs.get(_place(old), {})
            if runs.pop(old.uid, None) is not None and not runs:
                del self._runs[_place(old)]
        if isinstance(new, Run) and new.undecodable and new.untouched:
            self._runs.setdefault(_place(new), {})[new.uid] = new

    def blocker_of(self, run: Run, runs: Iterable[Run]) -> Run | None:
        """The run that blocks the controller from processing this one, possibly itself. `runs` are all runs."""
        place = _place(run)
        if not run.untouched or place not in self._runs:
            return None
        found = min(self._runs[place].values(), key=_age)
        return None if _age(found)[0] < self._survey(place, runs).newest_touched else found

    def is_idle(self, run: Run, runs: Iterable[Run]) -> bool:
        """Whether the controller has processed no run that is as new as this one, and at least two are untouched."""
        survey = self._survey(_place(run), runs) if run.untouched else _Survey(0.0, 0)
        return survey.untouched > 1 and _age(run)[0] > survey.newest_touched

    def _survey(self, place: _Place, runs: Iterable[Run]) -> "_Survey":
        if place not in self._surveys:
            there = [run for run in runs if _place(run) == place]
            touched = (_age(run)[0] for run in there if not run.untouched)
            newest = max(touched, default=float("-inf"))
            self._surveys[place] = _Survey(newest, sum(run.untouched for run in there))
        return self._surveys[place]

    def affects(self, run: Run) -> bool:
        """Whether a change of this run can change the result of `blocker_of` for other runs."""
        return bool(run.undecodable) or _place(run) in self._runs


def _place(run: Run) -> _Place:
    return run.namespace, run.resource


def _age(run: Run) -> tuple[float, str]:
    return run.created or 0.0, run.name
