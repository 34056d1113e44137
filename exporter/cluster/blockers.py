"""Runs that the platform's controller cannot decode: one of them makes its whole list fail, and with it all runs."""

from exporter.cluster.records import Record, Run

__all__ = ["Blockers"]

_Place = tuple[str, str]


class Blockers:
    """Remembers, for each namespace and kind, the untouched undecodable runs and the newest run that was touched.

    A run that was touched although it is younger shows that the controller lists them all the same.
    """

    def __init__(self) -> None:
        self._runs: dict[_Place, dict[str, Run]] = {}
        self._touched: dict[_Place, float] = {}

    def note(self, old: Record | None, new: Record | None) -> None:
        """A record has changed."""
        if isinstance(old, Run) and self._runs:
            runs = self._runs.get(_place(old), {})
            if runs.pop(old.uid, None) is not None and not runs:
                del self._runs[_place(old)]
        if not isinstance(new, Run):
            return
        if not new.untouched:
            self._touched[_place(new)] = max(new.created or 0.0, self._touched.get(_place(new), 0.0))
        elif new.undecodable:
            self._runs.setdefault(_place(new), {})[new.uid] = new

    def of(self, run: Run) -> Run | None:
        """The run that keeps the controller from this one; itself, where it is the one."""
        if not run.untouched or not self._runs:
            return None
        found = min(
            self._runs.get(_place(run), {}).values(), key=lambda one: (one.created or 0.0, one.name), default=None
        )
        if found is None or (found.created or 0.0) < self._touched.get(_place(run), 0.0):
            return None
        return found

    def concern(self, run: Run) -> bool:
        """Whether a change of this run may change what `of` gives for others."""
        return bool(run.undecodable) or _place(run) in self._runs


def _place(run: Run) -> _Place:
    return run.namespace, run.kind
