"""The cached objects: three tables, the owner index that joins them, and the time up to which they are shown."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, assert_never

from exporter.cache.blockers import Blockers
from exporter.cache.change import CODERUNS, CONFIGMAPS, JOBS, Change, Key
from exporter.cache.gaps import Gaps
from exporter.cache.named import Named
from exporter.cache.namesakes import Namesakes
from exporter.cache.newest import NewestJobs, age_of
from exporter.cache.owners import Owners, share_strings
from exporter.cache.records import ConfigMap, Job, Record, Run
from exporter.cache.required import Required
from exporter.cache.retention import Retention
from exporter.cache.slices import slices
from exporter.cache.table import Table
from exporter.cache.thresholds import Thresholds
from exporter.cache.unknown_jobs import UnknownJobs

__all__ = ["CODERUNS", "CONFIGMAPS", "JOBS", "ObjectCache"]


class ObjectCache:
    """Runs, Jobs and ConfigMaps. Owner links go by UID: a name that is made again is another object.

    Only a worker that the status of a run names is found by that name. The parts of the tables of runs and Jobs are
    named after what fills them: those of Jobs are a namespace, or `*` where one list holds all namespaces; those of
    Pods and of runs have a prefix: `Run.workers`, and `PLURAL.GROUP/`.
    `selected`: a label selector keeps some runs and Jobs from being read.
    """

    def __init__(self, *, thresholds: Thresholds, all_namespaces: bool = True, selected: bool = False) -> None:
        self.thresholds = thresholds
        self.runs: Table[Run] = Table()
        self.jobs: Table[Job] = Table()
        self.configmaps: Table[ConfigMap] = Table()
        self._tables: dict[str, Table[Any]] = {CODERUNS: self.runs, JOBS: self.jobs, CONFIGMAPS: self.configmaps}
        self._all_namespaces = all_namespaces
        self._selected = selected
        self._owners = Owners()
        self._named = Named()
        self._namesakes = Namesakes()
        self._newest = NewestJobs()
        self._unknown_jobs = UnknownJobs()
        self._gaps = Gaps()
        self._blockers = Blockers()
        self._required = Required()
        self._retention = Retention(
            thresholds=thresholds, tables=self._tables, jobs_of=self.jobs_of, run_of=self.run_of
        )

    # What others ask.

    def get(self, key: Key) -> Record | None:
        """The record of an object."""
        record: Record | None = self._tables[key.resource].get(key.uid)
        return record

    def table(self, resource: str) -> Table[Any]:
        """All records of a resource."""
        return self._tables[resource]

    def workers_known(self, run: Run) -> bool:
        """Whether what may work for this run has ever been read: before that, no run is said to lack it."""
        return self.jobs.known(self._workers_of(run))

    def job_state_unknown(self, run: Run) -> bool:
        """Whether the run is new, or went on, since its Jobs cannot be followed: it may have one by now."""
        return self._unknown_jobs.holds(self._workers_of(run), run.uid)

    def jobs_of(self, run: Run) -> Sequence[Job]:
        """The Jobs that a run controls, those being deleted included."""
        return self._owners.of(run.worker_key)

    def newest_job(self, run: Run) -> Job | None:
        """The run's present Job: the newest that is not being deleted. A Pod is its own until it is gone."""
        return self._newest.of(run, self.jobs_of(run))

    def deleting_job(self, run: Run) -> Job | None:
        """A Job of the run that is being deleted and still exists."""
        jobs = (job for job in self.jobs_of(run) if job.namespace == run.namespace)
        return next((job for job in jobs if job.deleted is not None), None)

    def superseded_by(self, job: Job) -> Sequence[Job]:
        """The other Jobs of its run that a change of this one may make superseded, or not superseded any more.

        The one that ceases to be the newest, or becomes it; where there is none, all: each is being deleted. The Pods
        of a run may work side by side.
        """
        run = None if job.is_pod else self.run_of(job)
        if run is None:
            return ()
        newest = self.newest_job(run)
        if newest is not None and newest.uid == job.uid:
            others = (one for one in self._owners.of(job.owner) if one.uid != job.uid and one.deleted is None)
            newest = max(others, key=age_of, default=None)
        if newest is None:
            return [one for one in self._owners.of(job.owner) if not one.result]
        return () if age_of(job) < age_of(newest) else (newest,)

    def lacks_job(self, run: Run) -> bool:
        """Whether an open run is known to have no Job."""
        return run.state == "open" and self.knows_workers_of(run) and self.newest_job(run) is None

    def knows_workers_of(self, run: Run) -> bool:
        """Whether all Jobs or Pods that it may have are known. The Pods of a run that is over may be deleted."""
        if not run.worker or (run.worker == "Pod" and run.terminal):
            return False
        return self.workers_known(run) and not self.job_state_unknown(run)

    def without_job_since(self, run: Run) -> float | None:
        """Since when an open run has no Job, in seconds since the epoch; None where it has one or may have one."""
        return self._gaps.since(run) if self.lacks_job(run) else None

    def blocker_of(self, run: Run) -> Run | None:
        """The undecodable run that keeps the controller from this untouched one; itself where it is the one."""
        return self._blockers.of(run, self.runs)

    def blocked_with(self, run: Run) -> list[Run]:
        """The untouched runs whose cause may change with this run."""
        if not self._blockers.concern(run):
            return []
        same = (one for one in self.runs if (one.namespace, one.resource) == (run.namespace, run.resource))
        return [one for one in same if one.untouched]

    def run_is_gone(self, job: Job) -> bool:
        """Whether the run that controls the Job is known not to exist."""
        if not job.owner_resource or self._selected or self.runs.get(job.owner) is not None:
            return False
        return self.runs.known(f"{job.owner_resource}/{self._part(job.namespace)}")

    def run_of(self, job: Job) -> Run | None:
        """The run that controls or names a Job, where both are known. No owner is in another namespace."""
        if job.is_named:
            return self._named.present(job.owner)
        run = self.runs.get(job.owner) if job.owner else None
        return run if run is not None and run.namespace == job.namespace else None

    def runs_of(self, job: Job) -> Iterable[Run]:
        """The runs whose lines a change of this Job may change."""
        if job.is_named:
            return self._named.all(job.owner)
        run = self.runs.get(job.owner) if job.owner else None
        return () if run is None else (run,)

    def is_worker(self, job: Job) -> bool:
        """Whether it works for a run: a Pod that is found by its name does so only while a run names it."""
        return not job.is_named or self.run_of(job) is not None

    def started(self, job: Job) -> float | None:
        """When it began to work, in seconds since the epoch: for its present run, if it is shared."""
        run = self.run_of(job) if job.is_named else None
        return run.started if run is not None and run.shared else job.started

    def agent_of(self, job: Job) -> str:
        """The run's agent; the Job's own label where the run is not known or has none."""
        run = self.run_of(job)
        return (run.agent if run else "") or job.agent

    def max_runtime_of(self, job: Job) -> tuple[float, bool]:
        """How long the Job may run, in seconds, and whether that was set for it, its agent, or all Jobs."""
        run, agent = self.run_of(job), self.agent_of(job)
        long_lived = run is not None and run.long_lived
        return (
            self.thresholds.max_runtime_of(job, agent, long_lived=long_lived),
            self.thresholds.max_runtime_is_set(job, agent, long_lived=long_lived),
        )

    @property
    def default_configmaps(self) -> list[ConfigMap]:
        """Those that the settings do not name: required only where the platform uses them."""
        return [item for item in self.configmaps if item.by_default]

    def shown(self, item: Record) -> bool:
        """Whether an object is on the page: until its end and its retention have passed."""
        return not (isinstance(item, Job) and self.is_hidden(item)) and self._retention.shown(item)

    def namesake(self, job: Job) -> Job | None:
        """The Pod with the name of a Job, or the Job with the name of a Pod."""
        return self._namesakes.of(job)

    def is_hidden(self, job: Job) -> bool:
        """Whether it is a Pod whose series a Job of the same name has."""
        return job.is_pod and self.namesake(job) is not None

    # What changes it.

    def apply(self, change: Change) -> None:
        """One object is new, changed or gone."""
        old = self._tables[change.resource].put(change.part, change.uid, change.record)
        self._index(old, change.record)

    def replace(
        self, resource: str, part: str, records: dict[str, Record]
    ) -> list[tuple[Record | None, Record | None]]:
        """A whole part at once, after a list; gives the pairs of old and new that it amounts to.

        A record that is the very same object as before is no change.
        """
        if resource in {CODERUNS, JOBS} and not self._tables[resource].known(part):
            return [(None, record) for some in self.load(resource, part, records) for record in some]
        old = self._tables[resource].swap(part, records)
        pairs: list[tuple[Record | None, Record | None]] = [(old[uid], None) for uid in old.keys() - records.keys()]
        pairs += [(old.get(uid), record) for uid, record in records.items() if old.get(uid) is not record]
        for before, record in pairs:
            self._index(before, record)
        return pairs

    def load(self, resource: str, part: str, records: dict[str, Record]) -> Iterator[list[Record]]:
        """The first list of runs or Jobs, in slices, for it may be long; gives the records of each.

        Other changes may be applied between two slices. The part is known when the last one is in place.
        """
        table = self._tables[resource]
        table.begin(part)
        for some in slices(records.items()):
            new = []
            for uid, record in some:
                if (old := table.put(part, uid, record)) is None:
                    new.append(record)
                self._index(old, record)
            yield new
        for runs in slices(list(self.runs)):
            for run in runs:
                if part == self._workers_of(run) if resource == JOBS else self.workers_known(run):
                    self._note_missing_job(run)
            yield []
        table.complete(part)

    def follow_jobs(self, part: str, *, current: bool) -> list[Run]:
        """The Jobs of this part are up to date, or cannot be followed; gives what was doubtful till now."""
        if not current:
            self._unknown_jobs.begin(part)
            return []
        return self.runs.pick(self._unknown_jobs.end(part))

    def advance(self, now: float) -> set[Key]:
        """Moves the picture's clock; gives the objects that it changes: that leave the page, or come back to it.

        They come back where the clock is set back: a clock that was wrong for a minute must not cost their series.
        """
        grown = self._required.advance(self.configmaps, now=now)
        passed = {Key(CONFIGMAPS, item.uid) for item in grown}
        return passed | self._retention.advance(now)

    # How it is kept.

    def _note_missing_job(self, run: Run) -> None:
        """A first list: a run whose status names a Job that is not there had it until now, as far as can be known."""
        if run.status_job and self.newest_job(run) is None and self.runs.get(run.uid) is not None:
            self._gaps.note(run, self._retention.now)

    def _part(self, namespace: str) -> str:
        return "*" if self._all_namespaces else namespace

    def _workers_of(self, run: Run) -> str:
        """The part that holds what may work for this run."""
        return run.workers + self._part(run.namespace)

    def _index(self, old: Record | None, new: Record | None) -> None:
        self._owners.remove(old)
        self._newest.invalidate(old, new)
        self._blockers.note(old, new)
        self._note_gap(old, new)
        self._named.note(old, new)
        self._namesakes.note(old, new, jobs=self.jobs)
        match new:
            case Job():
                if new.owner:
                    self._owners.add(new)
                if (run := self.run_of(new)) is not None:
                    share_strings(run, new)
            case Run():
                for job in self.jobs_of(new):
                    share_strings(new, job)
                self._unknown_jobs.note(self._workers_of(new), old, new)
            case ConfigMap():
                self._required.note(new, records=self.configmaps, now=self._retention.now)
            case None:
                pass
            case _:
                assert_never(new)
        self._retention.note(old, new)

    def _note_gap(self, old: Record | None, new: Record | None) -> None:
        job = old if isinstance(old, Job) else new if isinstance(new, Job) else None
        run, now = self.run_of(job) if job is not None else None, self._retention.now
        self._gaps.changed(old, new, run=run, now=now)
        if isinstance(old, Run) and isinstance(new, Run) and old.named != new.named and self.newest_job(old):
            self._gaps.note(new, now)
