"""Index of the runs that reference their worker (a Pod) by name, by namespace and name of the worker."""

from collections.abc import Iterable

from exporter.cache.records import Record, Run

__all__ = ["NamedWorkers"]


class NamedWorkers:
    """Maps a worker to the runs that name it. Only one of them uses the worker at a time."""

    def __init__(self) -> None:
        self._runs: dict[str, dict[str, Run]] = {}

    def update(self, old: Record | None, new: Record | None) -> None:
        """Updates the index after a change."""
        if isinstance(old, Run) and old.named:
            runs = self._runs.get(old.worker_key, {})
            if runs.pop(old.uid, None) is not None and not runs:
                del self._runs[old.worker_key]
        if isinstance(new, Run) and new.named:
            self._runs.setdefault(new.worker_key, {})[new.uid] = new

    def all(self, key: str) -> Iterable[Run]:
        """All runs that name this worker."""
        return self._runs.get(key, {}).values()

    def current(self, key: str) -> Run | None:
        """The run that currently uses this worker: the newest open one, otherwise the newest terminal one.

        A terminal run does not use a shared worker.
        """
        runs = (run for run in self.all(key) if not (run.shared and run.terminal))
        return max(runs, key=lambda run: (not run.terminal, run.created or 0.0, run.name), default=None)
