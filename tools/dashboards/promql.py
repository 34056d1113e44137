"""The parts that the dashboards' queries are made of.

Three laws hold for all of them. What two replicas both tell counts once: a gauge is aggregated with `max` or `min` to
the object that it speaks of before anything is counted or summed. `cluster` is kept everywhere and asked for by a
pattern that an absent label matches too. What is per object in the cluster is per object here: joins are on its
identity, and never on a label that a rollout changes.
"""

from collections.abc import Sequence

__all__ = [
    "ALERT",
    "ALL",
    "CONFIGMAP",
    "JOB",
    "ONE",
    "RUN",
    "SELF",
    "coded",
    "counter",
    "ended",
    "left",
    "per_job",
    "per_run",
    "rows",
    "zero",
]

RUN = "cluster, namespace, coderun"
JOB = "cluster, namespace, job_name"
CONFIGMAP = "cluster, namespace, configmap"
ALERT = "alertname, severity, cluster, namespace, coderun, job_name, configmap, agent, resource, scope, instance"
"""What an alert of the bundle can be about."""

ALL = 'cluster=~"$cluster", namespace=~"$namespace"'
"""Runs and Jobs by the variables of a dashboard about many."""
ONE = 'cluster=~"$cluster", namespace="$namespace"'
"""The namespace of the one run that a dashboard is about."""
SELF = 'cluster=~"$cluster", instance=~"$instance", job=~"coderun-exporter(-.+)?"'
"""The exporter's own series: the scrape job as the rules know it."""


def per_run(metric: str, matchers: str = ALL, *, how: str = "max") -> str:
    """A gauge of runs, once for each run."""
    return f"{how} by ({RUN}) ({metric}{{{matchers}}})"


def per_job(metric: str, matchers: str = ALL, *, how: str = "max") -> str:
    """A gauge of Jobs, once for each Job."""
    return f"{how} by ({JOB}) ({metric}{{{matchers}}})"


def ended(metric: str, by: str, matchers: str) -> str:
    """The growth of a counter within the dashboard's time, by those labels.

    Each replica counts everything, so the one that counted most is taken; each scrape job reads another part, so
    these are added.
    """
    inner = f"sum by (cluster, job, instance, {by}) (increase({metric}{{{matchers}}}[$__range]))"
    return f"sum by ({by}) (max by (cluster, job, {by}) ({inner}))"


def counter(metric: str, by: str, matchers: str = SELF) -> str:
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
