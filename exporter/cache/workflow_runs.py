"""Index of the runs that steps of Argo Workflows wait for, by the workflow that owns a run, or by the name of a run.

Source: https://argo-workflows.readthedocs.io/en/latest/fields/#resourcetemplate
"""

import itertools
from collections.abc import Iterable, Iterator

from exporter.cache.records import Record, Run
from exporter.cache.workflow_records import Step, Workflow

__all__ = ["WorkflowRuns"]

_MAX_RUNS = 500
"""Limits the time that one change of a workflow with many runs takes: older runs are not compared."""

_Place = tuple[str, str]
"""The namespace and the exposed name of a run."""


class WorkflowRuns:
    """Runs are indexed by name only after a step has named one."""

    def __init__(self) -> None:
        self._owned: dict[str, dict[str, Run]] = {}
        self._named: dict[_Place, Run] | None = None
        self._waiting: dict[_Place, set[str]] = {}

    def update(self, old: Record | None, new: Record | None, *, runs: Iterable[Run]) -> None:
        """Updates the index after a change. `runs` are the records of all runs."""
        if isinstance(old, Run):
            self._remove(old)
        elif isinstance(old, Workflow):
            for place in _places(old):
                self._waiting[place].discard(old.uid)
                if not self._waiting[place]:
                    del self._waiting[place]
        if isinstance(new, Run):
            self._add(new)
        elif isinstance(new, Workflow):
            for place in _places(new):
                self._waiting.setdefault(place, set()).add(new.uid)
            if self._named is None and self._waiting:
                self._named = {(run.namespace, run.name): run for run in runs}

    def run_of(self, workflow: Workflow, step: Step) -> Run | None:
        """The run that a step waits for; None if it waits for none, or the run is unknown.

        A step that creates a run without a fixed name waits for the newest run that the workflow owns and that was
        created at or after the start of the step. Both times are in whole seconds.
        """
        if not step.resource:
            return None
        if step.run:
            run = (self._named or {}).get((workflow.namespace, step.run))
            return run if run is not None and run.resource == step.resource else None
        if not step.owns or step.started is None:
            return None
        runs = itertools.islice(reversed(self._owned.get(workflow.uid, {}).values()), _MAX_RUNS)
        found = [run for run in runs if _is_from(run, step, step.started) and run.namespace == workflow.namespace]
        return max(found, key=lambda run: (run.created or 0.0, run.name), default=None)

    def waiting_for(self, run: Run) -> Iterator[str]:
        """The UIDs of the workflows with a step that may wait for this run."""
        if run.workflow_uid:
            yield run.workflow_uid
        yield from self._waiting.get((run.namespace, run.name), ())

    def _add(self, run: Run) -> None:
        if run.workflow_uid:
            self._owned.setdefault(run.workflow_uid, {})[run.uid] = run
        if self._named is not None:
            self._named[run.namespace, run.name] = run

    def _remove(self, run: Run) -> None:
        if run.workflow_uid:
            self._owned[run.workflow_uid].pop(run.uid, None)
            if not self._owned[run.workflow_uid]:
                del self._owned[run.workflow_uid]
        if self._named is not None:
            place = run.namespace, run.name
            if place in self._named and self._named[place].uid == run.uid:
                del self._named[place]


def _is_from(run: Run, step: Step, started: float) -> bool:
    is_later = run.created is not None and run.created >= started
    return is_later and run.resource == step.resource and run.name.startswith(step.prefix)


def _places(workflow: Workflow) -> set[_Place]:
    return {(workflow.namespace, step.run) for step in workflow.steps if step.run}
