"""The parts that the dashboards' queries are made of.

What two replicas report counts once: a gauge is aggregated with `max` or `min` to its object before anything is
counted or summed, and a counter to the largest count of any replica. `cluster` is kept everywhere and selected by a
pattern that an absent label matches too. Joins are on the identity of an object in the cluster, never on a label that
a rollout changes.
"""

from collections.abc import Sequence

__all__ = [
    "ALERT",
    "ALL",
    "CONFIGMAP",
    "HEALTH",
    "JOB",
    "NAMED",
    "ONE",
    "RUN",
    "SCRAPED",
    "SELF",
    "coded",
    "ended",
    "firing_since",
    "in_state",
    "left",
    "per_job",
    "per_run",
    "rate",
    "rows",
    "without_job_since",
    "zero",
]

RUN = "cluster, namespace, coderun"
JOB = "cluster, namespace, job_name"
CONFIGMAP = "cluster, namespace, configmap"
NAMED = (
    "coderun", "job_name", "configmap", "service", "task_id", "agent", "run_type", "kind",
)  # fmt: skip
"""The labels by which alerts about runs name their object, beside `cluster` and `namespace`."""
ALERT = f"alertname, severity, cluster, namespace, {', '.join(NAMED)}"

SCRAPED = 'job=~".*coderun-exporter.*", cluster=~"$cluster"'
"""Series of the exporter: its scrape jobs as the rules select them."""
ALL = f'{SCRAPED}, namespace=~"$namespace"'
"""Runs and Jobs by the variables of a dashboard about many."""
ONE = f'{SCRAPED}, namespace="$namespace"'
"""The namespace of the one run that a dashboard is about."""
SELF = f'{SCRAPED}, instance=~"$instance"'
"""The exporter's own series."""

# Only what is required has a health. One that had it within a day, and is still read, is missing with all of its set.
HEALTH = (
    f"min by ({CONFIGMAP}) (configmap_health{{{SCRAPED}}})\n"
    f"or 0 * (max by ({CONFIGMAP}) (configmap_watched{{{SCRAPED}}})"
    f" unless on ({CONFIGMAP}) configmap_health{{{SCRAPED}}}"
    f" and on ({CONFIGMAP}) max_over_time(configmap_health{{{SCRAPED}}}[1d]))"
)
"""1 for each required ConfigMap that is healthy, else 0: as `RequiredConfigMapUnhealthy` sees it."""


def per_run(metric: str, matchers: str = ALL, *, how: str = "max") -> str:
    """A gauge of runs, once for each run."""
    return f"{how} by ({RUN}) ({metric}{{{matchers}}})"


def per_job(metric: str, matchers: str = ALL, *, how: str = "max") -> str:
    """A gauge of Jobs, once for each Job."""
    return f"{how} by ({JOB}) ({metric}{{{matchers}}})"


def in_state(state: str, matchers: str = ALL) -> str:
    """A series of 1 for each run in that state and in no other: a replica that has seen its end knows better."""
    return (
        f'max by ({RUN}) (coderun_state{{{matchers}, state="{state}"}})'
        f' unless on ({RUN}) coderun_state{{{matchers}, state!="{state}"}}'
    )


def without_job_since(matchers: str = ALL) -> str:
    """The time since which an open run has no Job; its creation where the exporter does not export that."""
    since = per_run("coderun_without_job_since_timestamp_seconds", matchers, how="min")
    return f"({since} or on ({RUN}) {per_run('coderun_created_timestamp', matchers)})"


def firing_since(by: str) -> str:
    """When each alert began to fire, by those labels.

    ALERTS_FOR_STATE is no answer: Prometheus begins it anew at a restart for alerts that wait less than ten minutes.
    An alert begins where it did not fire within the 15 minutes before, so that a restart is no beginning. What has
    fired for a day has the earliest time that Prometheus had for it in that day.
    """
    firing = 'ALERTS{cluster=~"$cluster", component="coderun-exporter", alertstate="firing"}'
    before = f"max by ({by}) (max_over_time({firing}[15m] offset 1m))"
    begins = f"max by ({by}) (timestamp({firing})) unless {before}"
    pending = 'ALERTS_FOR_STATE{cluster=~"$cluster", component="coderun-exporter"}'
    return (
        f"({begins})\nor max by ({by}) (max_over_time(({begins})[1d:1m]))"
        f"\nor min by ({by}) (min_over_time({pending}[1d]))"
    )


def ended(metric: str, by: str, without: str, matchers: str) -> str:
    """The increase of a counter within the dashboard's time range, by those labels.

    Each replica counts everything, and so do two parts that read the same namespace: the largest count of a namespace
    is taken, as in the rules. Whatever tells replicas apart, `without` keeps it.
    """
    inner = f"increase({metric}{{{matchers}}}[$__range])"
    inner = f"sum without ({without}) ({inner})" if without else inner
    return f"sum by ({by}) (max by (cluster, namespace, {by}) ({inner}))"


def rate(metric: str, by: str, matchers: str = SELF) -> str:
    """A counter's rate per second, by those labels."""
    return f"sum by ({by}) (rate({metric}{{{matchers}}}[$__rate_interval]))"


def coded(metric: str, label: str, codes: Sequence[tuple[str, int]], *, by: str, matchers: str) -> str:
    """The number that stands for a label's value, for a panel that shows numbers in words and colours.

    Where replicas differ the first of `codes` wins.
    """
    parts = [f'{code} * max by ({by}) ({metric}{{{matchers}, {label}="{value}"}} == 1)' for value, code in codes]
    return f"\nor on ({by})\n".join(parts)


def rows(objects: str, *, key: str, causes: str, info: str, kept: str) -> str:
    """A row of a table for each object and cause, and one for an object without a cause; each has the value 1.

    `objects` is a vector of ones by `key`; `causes` and `info` select series, and `kept` are the labels of `info`.
    """
    named = f"({objects}) * on ({key}) group_right () max by ({key}, cause, detail) ({causes})"
    # Of two replicas that differ one has to be taken, or the join would be refused.
    about = f"topk by ({key}) (1, max by ({key}, {kept}) ({info}))"
    return f"(({named}) or on ({key}) ({objects})) * on ({key}) group_left ({kept}) {about}"


def left(value: str, *, key: str, of: str) -> str:
    """A value by `key` as a column beside the rows `of`."""
    return f"({value})\n* on ({key}) group_right () (\n{of}\n)"


def zero(expression: str) -> str:
    """That, and 0 where there is nothing: a number on a wall must not be empty."""
    return f"({expression}) or vector(0)"
