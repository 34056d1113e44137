"""Runs that the platform's controller cannot decode. One such run makes the controller's list of all runs fail.

A run that no controller has processed is `untouched`: it has no finalizer and no status.
"""

from collections.abc import Iterable
from typing import NamedTuple

from exporter.cache.records import Record, Run

__all__ = ["Blockers"]

_Key = tuple[str, str]
"""Namespace and kind."""


class _Survey(NamedTuple):
    """Creation time of the newest run that the controller has processed, and the number of unprocessed runs."""

    newest_touched: float
    untouched: int


class Blockers:
    """The untouched runs that cannot be decoded, by namespace and kind.

    If the controller has processed a newer run, its list succeeds, so that no run is blocked.
    """

    def __init__(self) -> None:
        self._runs: dict[_Key, dict[str, Run]] = {}
        self._surveys: dict[_Key, _Survey] = {}
        """A survey is computed again after each change of a run of this namespace and kind."""

    def update(self, old: Record | None, new: Record | None) -> None:
        """Updates the index after a change."""
        for run in (old, new):
            if isinstance(run, Run):
                self._surveys.pop(_key(run), None)
        if isinstance(old, Run) and self._runs:
            runs = self._runs.get(_key(old), {})
            if runs.pop(old.uid, None) is not None and not runs:
                del self._runs[_key(old)]
        if isinstance(new, Run) and new.undecodable and new.untouched:
            self._runs.setdefault(_key(new), {})[new.uid] = new

    def blocker_of(self, run: Run, runs: Iterable[Run]) -> Run | None:
        """The run that blocks the controller from processing this one, possibly itself. `runs` are all runs."""
        key = _key(run)
        if not run.untouched or key not in self._runs:
            return None
        found = min(self._runs[key].values(), key=_creation_order)
        return None if _creation_order(found)[0] < self._survey(key, runs).newest_touched else found

    def is_idle(self, run: Run, runs: Iterable[Run]) -> bool:
        """Whether the controller is down or hangs.

        It has processed neither this run nor any younger one, and at least two runs are untouched.
        """
        survey = self._survey(_key(run), runs) if run.untouched else _Survey(0.0, 0)
        return survey.untouched > 1 and _creation_order(run)[0] > survey.newest_touched

    def _survey(self, key: _Key, runs: Iterable[Run]) -> "_Survey":
        if key not in self._surveys:
            there = [run for run in runs if _key(run) == key]
            touched = (_creation_order(run)[0] for run in there if not run.untouched)
            newest = max(touched, default=float("-inf"))
            self._surveys[key] = _Survey(newest, sum(run.untouched for run in there))
        return self._surveys[key]

    def affects(self, run: Run) -> bool:
        """Whether a change of this run can change the result of `blocker_of` for other runs."""
        return bool(run.undecodable) or _key(run) in self._runs


def _key(run: Run) -> _Key:
    return run.namespace, run.resource


def _creation_order(run: Run) -> tuple[float, str]:
    """Creation time and name: the oldest run is the smallest."""
    return run.created or 0.0, run.name
