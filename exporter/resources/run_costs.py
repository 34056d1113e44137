"""Metric families of runs: their cost, as their agents report it in their logs, and its limit."""

from exporter.cache import LOGS, ObjectCache, Run
from exporter.exposition.family import Family

__all__ = ["RUN_COST_FAMILIES"]


def cost(run: Run, cache: ObjectCache) -> float | None:
    """The cost of all its Jobs, in dollars. None if it is unknown, and for runs that share a Pod with others."""
    if run.shared:
        return None
    logs = (cache.logs_of(job) for job in cache.jobs_of(run))
    reports = [cache.logs.earlier_of_run(run.uid), *(one.total for one in logs if one is not None)]
    costs = [one.cost_dollars for one in reports if one is not None]
    costs += [cost(one, cache) for one in cache.all_worker_runs(run)]
    known = [one for one in costs if one is not None]
    return sum(known) if known else None


def cost_limit(run: Run, cache: ObjectCache) -> float | None:
    """The limit of the agent of the run or, if it is unknown, of the agent of its Job."""
    job = None if run.agent else cache.newest_job(run)
    return cache.thresholds.run_cost_limit_of(run.agent or (job.agent if job is not None else ""))


RUN_COST_FAMILIES: tuple[Family[Run, ObjectCache], ...] = (
    Family(
        name="coderun_cost_dollars",
        help="Cost of the run that its agents report, in US dollars, over all its Jobs, including deleted ones.",
        value=cost,
        needs=("jobs",),
        uses=(LOGS,),
    ),
    Family(
        name="coderun_cost_limit_dollars",
        help="Limit of the cost of the run, in US dollars, if one is set; +Inf if it has no limit.",
        value=cost_limit,
        needs=("jobs",),
        uses=(LOGS,),
    ),
)
