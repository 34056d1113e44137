"""What outlives the objects: counters and histograms of what was seen to begin and to finish.

Whatever was already so at the first list is not counted, so that a restart counts nothing twice.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram

from exporter.cluster import Cluster, Job, Record, Run
from exporter.exposition.text import writable

__all__ = ["History"]

_COMBINATIONS = 100
_CREATION = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 10800, 28800)
_DURATION = (60, 300, 600, 900, 1800, 2700, 3600, 7200, 14400, 28800, 86400)


class History:
    """Told of each change after it was applied to the cluster."""

    def __init__(self, *, cluster: Cluster, registry: CollectorRegistry) -> None:
        self._cluster = cluster
        self._begun: set[str] = set()
        self._seen: dict[int, set[tuple[str, ...]]] = {}
        self._creation = Histogram(
            "coderun_job_creation_seconds",
            "From the creation of a run to the creation of its first Job, in seconds.",
            ["agent"],
            buckets=_CREATION,
            registry=registry,
        )
        self._runs = Counter(
            "coderuns_finished", "Runs that were seen to finish.", ["agent", "result"], registry=registry
        )
        of = ("agent", "service", "result", "reason")
        self._duration = Histogram(
            "job_duration_seconds",
            "From the start of a Job to its end, in seconds.",
            of,
            buckets=_DURATION,
            registry=registry,
        )
        self._jobs = Counter("jobs_finished", "Jobs that were seen to finish.", of, registry=registry)

    def observe(self, old: Record | None, new: Record | None) -> None:
        """One change, after the first list."""
        if isinstance(new, Run):
            for job in self._cluster.jobs_of(new) if old is None else ():
                self._first_job(new, job)
            if new.terminal and not (isinstance(old, Run) and old.terminal):
                self._runs.labels(*self._bounded(new.agent), new.phase.lower()).inc()
        elif isinstance(new, Job):
            if old is None and (run := self._cluster.run_of(new)) is not None:
                self._first_job(run, new)
            if new.result and not (isinstance(old, Job) and old.result):
                self._job_finished(new)
        elif isinstance(old, Run):
            self._begun.discard(old.uid)

    def _first_job(self, run: Run, job: Job) -> None:
        """A retry's Job is not the first, although by then it is the only one."""
        if run.uid in self._begun or job.version > 1 or len(self._cluster.jobs_of(run)) > 1:
            return
        self._begun.add(run.uid)
        if run.created is not None and job.created is not None:
            self._creation.labels(*self._bounded(run.agent)).observe(max(0.0, job.created - run.created))

    def _job_finished(self, job: Job) -> None:
        run = self._cluster.run_of(job)
        service = job.service or (run.service if run else "")
        of = (*self._bounded(self._cluster.agent_of(job), service), job.result, job.reason)
        self._jobs.labels(*of).inc()
        if job.started is not None and job.finished is not None:
            self._duration.labels(*of).observe(max(0.0, job.finished - job.started))

    def _bounded(self, *values: str) -> tuple[str, ...]:
        """The first hundred combinations; the rest is `other`, for these series are kept for ever."""
        values, seen = tuple(map(writable, values)), self._seen.setdefault(len(values), set())
        if len(seen) < _COMBINATIONS:
            seen.add(values)
        return values if values in seen else ("other",) * len(values)
