"""Index of the runs that work for other runs, by the run that controls them."""

import itertools
from collections.abc import Iterator, Sequence

from exporter.cache.records import Record, Run
from exporter.cache.table import Table

__all__ = ["WorkerRuns", "controllers_of"]

_MOST = 100
"""Worker runs of one run that are read: otherwise each change would cost as much as there are of them."""

_Place = tuple[str, str, str]


class WorkerRuns:
    """Open and waiting runs apart from terminal ones: a pipeline with many runs has few that are not terminal."""

    def __init__(self) -> None:
        self._alive: dict[_Place, dict[str, Run]] = {}
        self._ended: dict[_Place, dict[str, Run]] = {}

    def update(self, old: Record | None, new: Record | None) -> None:
        """Updates the index after a change."""
        if isinstance(old, Run) and old.owner:
            index, place = self._index(old), _place_of(old)
            index[place].pop(old.uid, None)
            if not index[place]:
                del index[place]
        if isinstance(new, Run) and new.owner:
            self._index(new).setdefault(_place_of(new), {})[new.uid] = new

    def of(self, run: Run) -> Sequence[Run]:
        """The runs that work for this run and are not terminal, the latest first; if there is none, terminal ones."""
        place = run.namespace, run.workers_prefix, run.uid
        runs = self._alive.get(place) or self._ended.get(place) or {}
        return list(itertools.islice(reversed(runs.values()), _MOST))

    def _index(self, run: Run) -> dict[_Place, dict[str, Run]]:
        return self._ended if run.terminal else self._alive


def _place_of(run: Run) -> _Place:
    """As of the controller: its namespace, its `workers_prefix` and its UID."""
    return run.namespace, f"{run.resource}/", run.owner


def controllers_of(run: Run, runs: Table[Run]) -> Iterator[Run]:
    """The run for which it works, the run for which that one works, and so on.

    Objects of other kinds and namespaces may contain the UID of any run. No kind works for itself, so this ends.
    """
    controller = runs.get(run.owner) if run.owner else None
    if controller is not None and (controller.namespace, controller.workers_prefix, controller.uid) == _place_of(run):
        yield controller
        yield from controllers_of(controller, runs)
