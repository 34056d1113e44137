"""Index of worker runs (runs that are the worker of another run), by the run that controls them."""

import itertools
from collections.abc import Iterator, Sequence

from exporter.cache.records import Record, Run
from exporter.cache.table import Table

__all__ = ["WorkerRuns", "controllers_of"]

_MAX_WORKER_RUNS = 100
"""Limits the time that one change of a run with many worker runs takes."""

_Key = tuple[str, str, str]


class WorkerRuns:
    """Terminal runs have a separate index, because a run may have many worker runs of which few are not terminal."""

    def __init__(self) -> None:
        self._alive: dict[_Key, dict[str, Run]] = {}
        self._ended: dict[_Key, dict[str, Run]] = {}

    def update(self, old: Record | None, new: Record | None) -> None:
        """Updates the index after a change."""
        if isinstance(old, Run) and old.owner:
            index, key = self._index(old), _key_of(old)
            index[key].pop(old.uid, None)
            if not index[key]:
                del index[key]
        if isinstance(new, Run) and new.owner:
            self._index(new).setdefault(_key_of(new), {})[new.uid] = new

    def of(self, run: Run) -> Sequence[Run]:
        """The worker runs of this run that are not terminal, the latest first; if there is none, terminal ones."""
        key = run.namespace, run.workers_prefix, run.uid
        runs = self._alive.get(key) or self._ended.get(key) or {}
        return list(itertools.islice(reversed(runs.values()), _MAX_WORKER_RUNS))

    def every(self, run: Run) -> Sequence[Run]:
        """All worker runs of this run, those that are not terminal first."""
        key = run.namespace, run.workers_prefix, run.uid
        runs = (reversed(index.get(key, {}).values()) for index in (self._alive, self._ended))
        return list(itertools.islice(itertools.chain.from_iterable(runs), _MAX_WORKER_RUNS))

    def _index(self, run: Run) -> dict[_Key, dict[str, Run]]:
        return self._ended if run.terminal else self._alive


def _key_of(run: Run) -> _Key:
    """The namespace, the `workers_prefix` and the UID of the run that controls this run."""
    return run.namespace, f"{run.resource}/", run.owner


def controllers_of(run: Run, runs: Table[Run]) -> Iterator[Run]:
    """The run for which it works, the run for which that one works, and so on.

    The owner of a run is any UID, so its namespace and its kind are compared too. The recursion ends, because no kind
    is the worker of itself.
    """
    controller = runs.get(run.owner) if run.owner else None
    if controller is not None and (controller.namespace, controller.workers_prefix, controller.uid) == _key_of(run):
        yield controller
        yield from controllers_of(controller, runs)
