"""What outlives the objects: counters and histograms of what was seen to begin and to finish.

Whatever was already so at the first list is not counted, so that a restart counts nothing twice.
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter.cluster import Cluster, Job, Record, Run
from exporter.exposition.text import writable

__all__ = ["History"]

_COMBINATIONS = 100
_RESULTS = ("succeeded", "failed")
_ENDS = (("succeeded", ""), ("failed", "BackoffLimitExceeded"), ("failed", "DeadlineExceeded"))
_CREATION = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 10800, 28800)
_DURATION = (60, 300, 600, 900, 1800, 2700, 3600, 7200, 14400, 28800, 86400)


class History:
    """Told of each change after it was applied to the cluster.

    The usual ends of what is seen are there at 0 before the first of them: `increase()` sees nothing in a counter
    that begins at 1.
    """

    def __init__(self, *, cluster: Cluster, registry: CollectorRegistry) -> None:
        self._cluster = cluster
        self._registry = registry
        self._texts: dict[bool, str] = {}
        self._begun: set[str] = set()
        self._of_runs = _Bounded(begin=self._begin_runs)
        self._of_jobs = _Bounded(begin=self._begin_jobs)
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

    def text(self, *, openmetrics: bool) -> str:
        """Its part of the page, without an end mark. Rendered after a change only: 100 combinations take 60 ms."""
        if openmetrics not in self._texts:
            whole: bytes = (generate_openmetrics if openmetrics else generate_latest)(self._registry)
            self._texts[openmetrics] = whole.decode().removesuffix("# EOF\n")
        return self._texts[openmetrics]

    def expect(self, item: Record) -> None:
        """What is counted of an object one day is there from now on. A Job waits for its run if it needs to."""
        if isinstance(item, Run):
            self._of_runs(item.agent)
            for job in self._cluster.jobs_of(item):
                self.expect(job)
        elif isinstance(item, Job):
            agent, service = self._whose(item)
            if (agent and service) or not item.owner or self._cluster.run_of(item) is not None:
                self._of_jobs(agent, service)

    def observe(self, old: Record | None, new: Record | None) -> None:
        """One change, after the first list."""
        if new is not None:
            self.expect(new)
        if isinstance(new, Run):
            for job in self._cluster.jobs_of(new) if old is None else ():
                self._first_job(new, job)
            if new.terminal and not (isinstance(old, Run) and old.terminal):
                self._runs.labels(*self._of_runs(new.agent), new.phase.lower()).inc()
                self._texts.clear()
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
            self._creation.labels(*self._of_runs(run.agent)).observe(max(0.0, job.created - run.created))
            self._texts.clear()

    def _job_finished(self, job: Job) -> None:
        of = (*self._of_jobs(*self._whose(job)), job.result, job.reason)
        self._texts.clear()
        self._jobs.labels(*of).inc()
        if job.started is not None and job.finished is not None:
            self._duration.labels(*of).observe(max(0.0, job.finished - job.started))

    def _whose(self, job: Job) -> tuple[str, str]:
        """Its agent and its service, as far as they are known."""
        service = job.service
        if not service and (run := self._cluster.run_of(job)) is not None:
            service = run.service
        return self._cluster.agent_of(job), service

    def _begin_runs(self, *of: str) -> None:
        self._texts.clear()
        self._creation.labels(*of)
        for result in _RESULTS:
            self._runs.labels(*of, result)

    def _begin_jobs(self, *of: str) -> None:
        self._texts.clear()
        for end in _ENDS:
            self._jobs.labels(*of, *end)
            self._duration.labels(*of, *end)


class _Bounded:
    """The first hundred combinations of values; the rest is `other`, for these series are kept for ever.

    `begin` is called once for each that is told apart, and for `other`.
    """

    def __init__(self, *, begin: Callable[..., None]) -> None:
        self._begin = begin
        self._seen: set[tuple[str, ...]] = set()

    def __call__(self, *values: str) -> tuple[str, ...]:
        """The labels to count under."""
        if values in self._seen:
            return values
        values = tuple(map(writable, values))
        if len(self._seen) >= _COMBINATIONS and values not in self._seen:
            values = ("other",) * len(values)
        if values not in self._seen:
            self._seen.add(values)
            self._begin(*values)
        return values
