"""Counters and histograms of created and finished runs and Jobs.

The state at the initial list is not counted, so that nothing is counted twice after a restart.
"""

from typing import assert_never

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter.cache import ConfigMap, Job, ObjectCache, Record, Run, Workflow, WorkflowTemplate
from exporter.resources.bounded import OTHER, Bounded
from exporter.resources.finished import log_finished
from exporter.resources.hidden import HiddenPods
from exporter.resources.outcomes import OutcomeMetrics
from exporter.resources.usage import UsageMetrics

__all__ = ["LifecycleMetrics"]

_RESULTS = ("succeeded", "failed", "cancelled")
_CREATIONS = ("created", "failed")
_ENDS = (("succeeded", ""), ("failed", "BackoffLimitExceeded"), ("failed", "DeadlineExceeded"))
_CREATION = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 10800, 28800)
_DURATION = (60, 300, 600, 900, 1800, 2700, 3600, 7200, 14400, 28800, 86400)


class LifecycleMetrics:
    """Counts each change after it was applied to the cache.

    Series with the usual results are initialized to 0, because `increase()` ignores the first value of a counter.
    """

    def __init__(self, *, cache: ObjectCache, registry: CollectorRegistry, has_logs: bool = False) -> None:
        self._cache = cache
        self._registry = registry
        self._texts: dict[bool, str] = {}
        self._started: set[str] = set()
        self._hidden = HiddenPods(cache)
        self._agents = Bounded(initialize=self._init_agent, fallbacks=lambda _: [(OTHER,)])
        self._of_runs = Bounded(initialize=self._init_runs, fallbacks=lambda _, agent: [(OTHER, agent)])
        self._of_jobs = Bounded(
            initialize=self._init_jobs,
            fallbacks=lambda namespace, agent, _: [(namespace, agent, OTHER), (OTHER, agent, OTHER)],
        )
        self._creation = Histogram(
            "coderun_job_creation_seconds",
            "Time from the creation of a run to the creation of its first Job, in seconds.",
            ["agent"],
            buckets=_CREATION,
            registry=registry,
        )
        self._runs = Counter(
            "coderuns_finished", "Number of runs that ended.", ["namespace", "agent", "result"], registry=registry
        )
        self._job_creations = Counter(
            "coderun_job_creations",
            "Number of Jobs created for runs, and of runs that failed without one.",
            ["namespace", "result"],
            registry=registry,
        )
        labels = ("namespace", "agent", "service", "result", "reason")
        self._duration = Histogram(
            "job_duration_seconds",
            "Time from the start of a Job to its end, in seconds.",
            labels,
            buckets=_DURATION,
            registry=registry,
        )
        self._jobs = Counter("jobs_finished", "Number of Jobs that ended.", labels, registry=registry)
        self._outcomes = OutcomeMetrics(cache=cache, registry=registry, on_change=self._texts.clear)
        self.usage = UsageMetrics(cache=cache, registry=registry, on_change=self._texts.clear) if has_logs else None
        """What agents report in their logs; None if logs are not read."""

    def text(self, *, openmetrics: bool) -> str:
        """The text of these metrics, without `# EOF`. Rendered only after a change: 100 combinations take 60 ms."""
        if openmetrics not in self._texts:
            rendered: bytes = (generate_openmetrics if openmetrics else generate_latest)(self._registry)
            self._texts[openmetrics] = rendered.decode().removesuffix("# EOF\n")
        return self._texts[openmetrics]

    def add(self, item: Record) -> None:
        """Adds an object of an initial list: its series are initialized, and its present state is not counted."""
        if isinstance(item, Run):
            self._outcomes.skip(item)
        self._init_series(item)

    def _init_series(self, item: Record) -> None:
        """Initializes the series of an object. A Job without agent or service waits until its run is known."""
        match item:
            case Run():
                self._agents(item.agent)
                self._of_runs(item.namespace, item.agent)
                self._outcomes.init_series(item)
                for job in self._cache.jobs_of(item):
                    self._init_series(job)
            case Job():
                self._hidden.added(item)
                _, agent, service = self._labels_of(item)
                run = self._cache.run_of(item)
                if run is not None or (not item.is_named and ((agent and service) or not item.owner)):
                    self._of_jobs(item.namespace, agent, service)
            case ConfigMap() | Workflow() | WorkflowTemplate():
                pass
            case _:
                assert_never(item)

    def observe(self, old: Record | None, new: Record | None) -> None:
        """Counts a change after the initial list. A Pod that no run names is not a worker."""
        if isinstance(job := new or old, Job) and not self._cache.is_worker(job):
            return
        log_finished(old, new)
        if new is not None:
            self._init_series(new)
        match new:
            case Run():
                self._run_changed(old, new)
            case Job():
                if old is None and (run := self._cache.run_of(new)) is not None:
                    self._job_created(run, new)
                if new.result and not (isinstance(old, Job) and old.result):
                    self._job_finished(new)
            case None:
                self._deleted(old)
            case ConfigMap() | Workflow() | WorkflowTemplate():
                pass
            case _:
                assert_never(new)
        if isinstance(job := new or old, Job):
            self.update_outcomes(job)

    def update_outcomes(self, job: Job) -> None:
        """Counts the runs of a Job whose outcome is known now, after a change of the Job or of its agent's log."""
        for owner in self._cache.runs_of(job):
            for run in self._cache.with_controllers(owner):
                self._outcomes.update(run)

    def _deleted(self, old: Record | None) -> None:
        if isinstance(old, Run):
            self._started.discard(old.uid)
            self._outcomes.deleted(old)
        elif isinstance(old, Job):
            self._hidden.deleted(old)

    def _run_changed(self, old: Record | None, new: Run) -> None:
        if not isinstance(old, Run) or old.named != new.named:
            for job in self._cache.jobs_of(new):
                self._job_created(new, job)
        if new.terminal and not (isinstance(old, Run) and old.terminal):
            self._run_finished(new)
        self._outcomes.update(new)

    def _job_created(self, run: Run, job: Job) -> None:
        """Counts the creation of a Job. Only the creation of the first Job of a run is timed, not a retry."""
        if run.shared:
            return
        self._count_creation(run, "created")
        if run.uid in self._started or job.version > 1 or len(self._cache.jobs_of(run)) > 1:
            return
        self._started.add(run.uid)
        if run.created is not None and job.created is not None:
            if (labels := self._agents(run.agent)) is not None:
                self._creation.labels(*labels).observe(max(0.0, job.created - run.created))
            self._texts.clear()

    def _run_finished(self, run: Run) -> None:
        if (labels := self._of_runs(run.namespace, run.agent)) is not None:
            self._runs.labels(*labels, run.state).inc()
            self._texts.clear()
        had_job = run.status_job or run.uid in self._started or self._cache.jobs_of(run)
        if run.state == "failed" and not had_job and self._cache.knows_workers_of(run):
            self._count_creation(run, "failed")

    def _count_creation(self, run: Run, result: str) -> None:
        if (labels := self._of_runs(run.namespace, run.agent)) is not None:
            self._job_creations.labels(labels[0], result).inc()
            self._texts.clear()

    def _job_finished(self, job: Job) -> None:
        if (labels := self._of_jobs(*self._labels_of(job))) is None:
            return
        result_labels = (*labels, job.result, job.reason)
        self._texts.clear()
        self._jobs.labels(*result_labels).inc()
        if job.started is not None and job.finished is not None:
            self._duration.labels(*result_labels).observe(max(0.0, job.finished - job.started))

    def _labels_of(self, job: Job) -> tuple[str, str, str]:
        """The namespace, agent and service of a Job; from its run if the Job does not have them."""
        service = job.service
        if not service and (run := self._cache.run_of(job)) is not None:
            service = run.service
        return job.namespace, self._cache.agent_of(job), service

    def _init_agent(self, *labels: str) -> None:
        self._texts.clear()
        self._creation.labels(*labels)

    def _init_runs(self, *labels: str) -> None:
        self._texts.clear()
        for result in _RESULTS:
            self._runs.labels(*labels, result)
        for result in _CREATIONS:
            self._job_creations.labels(labels[0], result)

    def _init_jobs(self, *labels: str) -> None:
        self._texts.clear()
        for end in _ENDS:
            self._jobs.labels(*labels, *end)
