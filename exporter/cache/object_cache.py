"""The cached objects: tables of runs, Jobs and ConfigMaps, indexes that join them, retention of finished ones."""

import collections
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, assert_never

from exporter.cache.attached import Attached
from exporter.cache.blockers import Blockers
from exporter.cache.change import CODERUNS, CONFIGMAPS, JOBS, WORKFLOWS, Change, Key
from exporter.cache.missing_jobs import MissingJobs
from exporter.cache.named_workers import NamedWorkers
from exporter.cache.namesakes import Namesakes
from exporter.cache.newest import NewestJobs, age_of, superseded_by
from exporter.cache.owners import OwnerIndex, share_strings
from exporter.cache.pull_requests import PullRequests
from exporter.cache.records import ConfigMap, Job, Record, Run
from exporter.cache.required import Required
from exporter.cache.retention import Retention
from exporter.cache.slices import slices
from exporter.cache.table import Table
from exporter.cache.thresholds import Thresholds
from exporter.cache.unfinished import Unfinished
from exporter.cache.unknown_jobs import UnknownJobs
from exporter.cache.worker_runs import WorkerRuns, controllers_of
from exporter.cache.workflow_records import Step, Workflow, WorkflowTemplate
from exporter.cache.workflow_runs import WorkflowRuns

__all__ = ["ObjectCache"]


class ObjectCache(Attached):
    """Runs, Jobs and ConfigMaps. Objects are joined by the UID of their owner, or by name if a run names its Pod.

    A worker is the object that works for a run: a Job, a Pod, or another run. Jobs and worker Pods are in the table
    `jobs`.

    Each list and watch fills one partition of a table. The partition of Jobs is named as their namespace, or `*` for
    all namespaces. The names of the partitions of worker Pods and of runs have a prefix before that
    (`Run.workers_prefix`). `selected`: a label selector excludes some runs and Jobs.
    """

    def __init__(self, *, thresholds: Thresholds, all_namespaces: bool = True, selected: bool = False) -> None:
        super().__init__(runs=Table(), jobs=Table(), all_namespaces=all_namespaces)
        self.thresholds = thresholds
        self.configmaps: Table[ConfigMap] = Table()
        self._tables: dict[str, Table[Any]] = collections.defaultdict(Table)
        self._tables |= {CODERUNS: self.runs, JOBS: self.jobs, CONFIGMAPS: self.configmaps}
        self._selected = selected
        self._owners = OwnerIndex()
        self._named = NamedWorkers()
        self._worker_runs = WorkerRuns()
        self._workflow_runs = WorkflowRuns()
        self._namesakes = Namesakes()
        self._newest = NewestJobs()
        self.unfinished = Unfinished()
        self._unknown_jobs = UnknownJobs()
        self._missing_jobs = MissingJobs()
        self._blockers = Blockers()
        self.pull_requests = PullRequests()
        self._required = Required()
        self._retention = Retention(
            thresholds=thresholds, tables=self._tables, jobs_of=self.jobs_of, run_of=self.run_of
        )

    # Queries.

    @property
    def now(self) -> float:
        """The time of the last `advance`, in seconds since the epoch."""
        return self._retention.now

    def get(self, key: Key) -> Record | None:
        """The record of an object."""
        record: Record | None = self._tables[key.table].get(key.uid)
        return record

    def table(self, name: str) -> Table[Any]:
        """The table of this name."""
        return self._tables[name]

    def workers_known(self, run: Run) -> bool:
        """Whether the initial list of the workers of a run has completed. Until then, no run lacks a worker."""
        table: Table[Any] = self.runs if run.worker_is_run else self.jobs
        return table.known(self._workers_of(run))

    def job_state_unknown(self, run: Run) -> bool:
        """Whether the run was created or changed while its Jobs could not be watched. It may have a Job now."""
        return self._unknown_jobs.holds(self._workers_of(run), run.uid)

    def jobs_of(self, run: Run) -> Collection[Job]:
        """The Jobs that a run controls, including those that are being deleted."""
        return self._owners.jobs_of(run.worker_key)

    def newest_job(self, run: Run) -> Job | None:
        """The current Job of a run, or of its worker runs: the newest one. A Pod is included until it is deleted."""
        if not run.worker_is_run:
            return self._newest.newest(run, self.jobs_of(run))
        jobs = map(self.newest_job, self.worker_runs(run))
        return max((job for job in jobs if job is not None), key=age_of, default=None)

    def worker_runs(self, run: Run) -> Sequence[Run]:
        """The runs that are workers of this run: those that are not terminal, or all if every one is terminal."""
        return self._worker_runs.of(run) if run.worker_is_run else ()

    def all_worker_runs(self, run: Run) -> Sequence[Run]:
        """The runs that are or were workers of this run and still exist."""
        return self._worker_runs.every(run) if run.worker_is_run else ()

    def deleting_job(self, run: Run) -> Job | None:
        """A Job of the run that is being deleted and still exists."""
        jobs = (job for job in self.jobs_of(run) if job.namespace == run.namespace)
        return next((job for job in jobs if job.deleted is not None), None)

    def superseded_by(self, job: Job) -> Sequence[Job]:
        """The other Jobs of its run whose cause `superseded` may change with it. Pods may work in parallel."""
        run = None if job.is_pod else self.run_of(job)
        return () if run is None else superseded_by(job, self._owners.jobs_of(job.owner), self.newest_job(run))

    def lacks_job(self, run: Run) -> bool:
        """Whether an open run is known to have no Job."""
        return run.state == "open" and self.knows_workers_of(run) and self.newest_job(run) is None

    def knows_workers_of(self, run: Run) -> bool:
        """Whether all Jobs or Pods of a run and its worker runs are known. Those of a terminal run may be deleted."""
        if not run.worker or (run.worker != "Job" and run.terminal):
            return False
        if not self.workers_known(run) or self._unknown_jobs.holds(self._workers_of(run), run.uid):
            return False
        return all(one.state == "open" and self.knows_workers_of(one) for one in self.worker_runs(run))

    def without_job_since(self, run: Run) -> float | None:
        """The time since which an open run has no Job, in seconds since the epoch; None if it has or may have one."""
        if not self.lacks_job(run):
            return None
        known = self._missing_jobs.since(run), *map(self.without_job_since, self.worker_runs(run))
        return max((moment for moment in known if moment is not None), default=None)

    def blocker_of(self, run: Run) -> Run | None:
        """The run that the controller cannot decode and that blocks this one, possibly itself.

        Only a run that the controller has not processed (`untouched`) is blocked.
        """
        return self._blockers.blocker_of(run, self.runs)

    def controller_is_idle(self, run: Run) -> bool:
        """Whether the controller is down or hangs: it has processed neither this run nor any younger one."""
        return self._blockers.is_idle(run, self.runs)

    def blocked_with(self, run: Run) -> list[Run]:
        """The runs that the controller has not processed, and whose stall cause may change with this run."""
        if not self._blockers.affects(run):
            return []
        same = (one for one in self.runs if (one.namespace, one.resource) == (run.namespace, run.resource))
        return [one for one in same if one.untouched]

    def run_is_gone(self, job: Job) -> bool:
        """Whether the run that controls this Job is known not to exist."""
        if not job.owner_resource or self._selected or self.runs.get(job.owner) is not None:
            return False
        return self.runs.known(f"{job.owner_resource}/{self._scope(job.namespace)}")

    def run_of(self, job: Job) -> Run | None:
        """The run that controls or names a Job, if known. Owners are in the same namespace."""
        if job.is_named:
            return self._named.current(job.owner)
        run = self.runs.get(job.owner) if job.owner else None
        return run if run is not None and run.namespace == job.namespace else None

    def runs_of(self, job: Job) -> Iterable[Run]:
        """The runs whose series may change with this Job."""
        if job.is_named:
            return self._named.all(job.owner)
        run = self.runs.get(job.owner) if job.owner else None
        return () if run is None else (run,)

    def with_controllers(self, run: Run) -> Sequence[Run]:
        """The run, the run for which it works, and so on. Their series may change with it."""
        return (run, *controllers_of(run, self.runs))

    def is_worker(self, job: Job) -> bool:
        """Whether the Job is a worker. A Pod that is matched by name is one only while a run names it."""
        return not job.is_named or self.run_of(job) is not None

    def started(self, job: Job) -> float | None:
        """Start time in seconds since the epoch; of a shared Pod, the start time of its current run."""
        run = self.run_of(job) if job.is_named else None
        return run.started if run is not None and run.shared else job.started

    def agent_of(self, job: Job) -> str:
        """The agent of the run; from the labels of the Job if the run is unknown or has none."""
        run = self.run_of(job)
        return (run.agent if run else "") or job.agent

    def max_runtime_of(self, job: Job) -> tuple[float, bool]:
        """Maximum run time in seconds, and whether it is configured for the Job, its agent, or all Jobs."""
        return self.thresholds.run_time_of(job, self.run_of(job))

    def result_limit_of(self, job: Job, log_format: str) -> float:
        """How long its agent may run after its last word, in seconds. `log_format` replaces an unknown CLI."""
        run = self.run_of(job)
        cli = job.cli or (run.cli if run is not None else "") or log_format
        is_long_lived = run is not None and run.long_lived
        return self.thresholds.result_limit_of(self.agent_of(job), cli, long_lived=is_long_lived)

    def silence_limit_of(self, job: Job) -> float:
        """How long its agent may write no line, in seconds."""
        run = self.run_of(job)
        return self.thresholds.silence_limit_of(self.agent_of(job), long_lived=run is not None and run.long_lived)

    def workflow_of(self, run: Run) -> Workflow | None:
        """The Argo Workflow that owns a run, if it is read and has not completed."""
        found: Workflow | None = self._tables[WORKFLOWS].get(run.workflow_uid) if run.workflow_uid else None
        return found if found is not None and found.namespace == run.namespace else None

    def run_of_step(self, workflow: Workflow, step: Step) -> Run | None:
        """The run that a step of a workflow waits for, if known."""
        return self._workflow_runs.run_of(workflow, step)

    def workflows_waiting_for(self, run: Run) -> set[Key]:
        """The workflows with a step that may wait for this run, or for a run for which it works."""
        uids = {uid for one in self.with_controllers(run) for uid in self._workflow_runs.waiting_for(one)}
        return {Key(WORKFLOWS, uid) for uid in uids if self._tables[WORKFLOWS].get(uid) is not None}

    @property
    def default_configmaps(self) -> list[ConfigMap]:
        """The ConfigMaps of the default set: required only if the platform uses them."""
        return [item for item in self.configmaps if item.by_default]

    def is_exposed(self, item: Record) -> bool:
        """Whether an object is exposed: until the retention after its end has passed."""
        return not (isinstance(item, Job) and self.is_hidden(item)) and self._retention.is_exposed(item)

    def namesake(self, job: Job) -> Job | None:
        """The Pod with the name of a Job, or the Job with the name of a Pod."""
        return self._namesakes.of(job)

    def is_hidden(self, job: Job) -> bool:
        """Whether it is a Pod with the name of a Job: only the Job has series then."""
        return job.is_pod and self.namesake(job) is not None

    # Updates.

    def apply(self, change: Change) -> None:
        """Applies one change."""
        old = self._tables[change.table].put(change.partition, change.uid, change.record)
        self._index(old, change.record)

    def replace(
        self, table: str, partition: str, records: dict[str, Record]
    ) -> list[tuple[Record | None, Record | None]]:
        """Replaces a partition after a list. Returns the changes as pairs of old and new record.

        A record that is the identical Python object as before is not a change.
        """
        if table in {CODERUNS, JOBS} and not self._tables[table].known(partition):
            return [(None, record) for some in self.load(table, partition, records) for record in some]
        old = self._tables[table].swap(partition, records)
        pairs: list[tuple[Record | None, Record | None]] = [(old[uid], None) for uid in old.keys() - records.keys()]
        pairs += [(old.get(uid), record) for uid, record in records.items() if old.get(uid) is not record]
        for before, record in pairs:
            self._index(before, record)
        return pairs

    def load(self, table: str, partition: str, records: dict[str, Record]) -> Iterator[list[Record]]:
        """Loads the initial list of runs or Jobs in slices, because it may be long. Yields the new records of each.

        Other changes may be applied between two slices. The partition is known after the last slice.
        """
        loading = self._tables[table]
        loading.begin(partition)
        for some in slices(records.items()):
            new = []
            for uid, record in some:
                if (old := loading.put(partition, uid, record)) is None:
                    new.append(record)
                self._index(old, record)
            yield new
        for runs in slices(list(self.runs)):
            for run in runs:
                if partition == self._workers_of(run) or (table == CODERUNS and self.workers_known(run)):
                    self._record_missing_job(run)
            yield []
        loading.complete(partition)

    def set_jobs_watched(self, partition: str, *, current: bool) -> list[Run]:
        """Records whether the Jobs of this partition are watched. If so, returns the runs whose state was unknown."""
        if not current:
            self._unknown_jobs.begin(partition)
            return []
        return self.runs.pick(self._unknown_jobs.end(partition))

    def advance(self, now: float) -> set[Key]:
        """Advances the clock. Returns the objects that expire, or that are exposed again.

        If the clock is set back, expired objects are exposed again: a wrong clock must not lose their series.
        """
        grown = self._required.advance(self.configmaps, now=now)
        passed = {Key(CONFIGMAPS, item.uid) for item in grown}
        return passed | self._retention.advance(now)

    # Indexes.

    def _record_missing_job(self, run: Run) -> None:
        """Initial list: a run whose status names a Job that does not exist is assumed to have had it until now."""
        if run.status_job and self.newest_job(run) is None and self.runs.get(run.uid) is not None:
            self._missing_jobs.record(run, self._retention.now)

    def _workers_of(self, run: Run) -> str:
        """The partition that holds the workers of this run."""
        return run.workers_prefix + self._scope(run.namespace)

    def _index(self, old: Record | None, new: Record | None) -> None:
        self._owners.remove(old)
        self._newest.update(old, new)
        self.unfinished.update(old, new)
        self._blockers.update(old, new)
        self._update_missing_jobs(old, new)
        self._named.update(old, new)
        self._worker_runs.update(old, new)
        self._workflow_runs.update(old, new, runs=self.runs)
        self._namesakes.update(old, new, jobs=self.jobs)
        self.pull_requests.update(new)
        match new:
            case Job():
                if new.owner:
                    self._owners.add(new)
                if (run := self.run_of(new)) is not None:
                    share_strings(run, new)
            case Run():
                for job in self.jobs_of(new):
                    share_strings(new, job)
                self._unknown_jobs.update(self._workers_of(new), old, new)
            case ConfigMap():
                self._required.update(new, records=self.configmaps, now=self._retention.now)
            case Workflow() | WorkflowTemplate() | None:
                pass
            case _:
                assert_never(new)
        self._retention.update(old, new)
        self._update_attached(old, new)

    def _update_missing_jobs(self, old: Record | None, new: Record | None) -> None:
        job = old if isinstance(old, Job) else new if isinstance(new, Job) else None
        run, now = self.run_of(job) if job is not None else None, self._retention.now
        self._missing_jobs.update(old, new, run=run, now=now)
        if not isinstance(old, Run):
            return
        if not isinstance(new, Run) or new.owner != old.owner:
            for controller in controllers_of(old, self.runs):
                self._missing_jobs.record(controller, now)
        if isinstance(new, Run) and old.named != new.named and self.newest_job(old):
            self._missing_jobs.record(new, now)
