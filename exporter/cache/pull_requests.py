"""The kinds of runs that have pull requests: where none has ever had one, a missing one means nothing."""

from collections.abc import Iterable

from exporter.cache.records import Record, Run

__all__ = ["PullRequests"]


class PullRequests:
    """The kinds of which a run has had the pull request that is expected of it, since the start of the exporter."""

    def __init__(self) -> None:
        self._kinds: set[str] = set()

    def __contains__(self, run: Run) -> bool:
        """Whether a run of the kind of this run has had one."""
        return run.resource in self._kinds

    @property
    def number_of_kinds(self) -> int:
        """If it grows, the outcomes of other runs change."""
        return len(self._kinds)

    def changed_by(self, run: Run, runs: Iterable[Run]) -> list[str]:
        """The UIDs of the runs whose outcome changes with this run, because it is the first that has one."""
        if not run.pull_request or run in self:
            return []
        return [one.uid for one in runs if one.resource == run.resource and one.pull_request is False]

    def update(self, new: Record | None) -> None:
        """Includes a run that was added or has changed."""
        if isinstance(new, Run) and new.pull_request:
            self._kinds.add(new.resource)
