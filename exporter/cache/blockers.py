"""Runs that the platform's controller cannot decode: one of them makes its whole list fail, and with it all runs."""

from collections.abc import Iterable

from exporter.cache.records import Record, Run

__all__ = ["Blockers"]

_Place = tuple[str, str]


class Blockers:
    """Remembers, for each namespace and kind, the untouched undecodable runs.

    A run that was touched although it is younger shows that the controller lists them all the same.
    """

    def __init__(self) -> None:
        self._runs: dict[_Place, dict[str, Run]] = {}
        self._touched: dict[_Place, float] = {}
        """When the newest touched run was created; computed anew after each change of a run there."""

    def note(self, old: Record | None, new: Record | None) -> None:
        """A record has changed."""
        for run in (old, new):
            if isinstance(run, Run):
                self._touched.pop(_place(run), None)
        if isinstance(old, Run) and self._runs:
            runs = self._runs.get(_place(old), {})
            if runs.pop(old.uid, None) is not None and not runs:
                del self._runs[_place(old)]
        if isinstance(new, Run) and new.undecodable and new.untouched:
            self._runs.setdefault(_place(new), {})[new.uid] = new

    def of(self, run: Run, runs: Iterable[Run]) -> Run | None:
        """The run that keeps the controller from this one; itself, where it is the one. `runs` are all that exist."""
        place = _place(run)
        if not run.untouched or place not in self._runs:
            return None
        found = min(self._runs[place].values(), key=_age)
        if place not in self._touched:
            touched = (_age(one)[0] for one in runs if _place(one) == place and not one.untouched)
            self._touched[place] = max(touched, default=float("-inf"))
        return None if _age(found)[0] < self._touched[place] else found

    def concern(self, run: Run) -> bool:
        """Whether a change of this run may change what `of` gives for others."""
        return bool(run.undecodable) or _place(run) in self._runs


def _place(run: Run) -> _Place:
    return run.namespace, run.resource


def _age(run: Run) -> tuple[float, str]:
    return run.created or 0.0, run.name
