"""The common parts of the dashboards' queries.

Two replicas export the same objects, which must be counted once: gauges are aggregated by object with `max` or `min`
before they are counted or summed, and counters by the largest count of any replica. Every query keeps the label
`cluster`, and selects it with a pattern that also matches series without it. Joins use the labels that identify an
object in the cluster, and no label that changes with a rollout.
"""

from collections.abc import Sequence

__all__ = [
    "ALERT",
    "ALL",
    "CONFIGMAP",
    "HEALTH",
    "IN_NAMESPACE",
    "JOB",
    "NAMED",
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
    "workflow", "step", "template",
    "coderun", "job_name", "configmap", "service", "task_id", "agent", "run_type", "kind",
)  # fmt: skip
"""The labels with which alerts about runs identify their object, in addition to `cluster` and `namespace`."""
ALERT = f"alertname, severity, cluster, namespace, {', '.join(NAMED)}"

SCRAPED = 'job=~".*coderun-exporter.*", cluster=~"$cluster"'
"""Matchers for all series of the exporter, by its scrape jobs, as in the rules."""
ALL = f'{SCRAPED}, namespace=~"$namespace"'
"""Matchers for the runs and Jobs that the variables of the dashboard of all runs select."""
IN_NAMESPACE = f'{SCRAPED}, namespace="$namespace"'
"""Matchers for the namespace of the run, on the dashboard of one run."""
SELF = f'{SCRAPED}, instance=~"$instance"'
"""Matchers for the exporter's own metrics."""

# `configmap_health` only exists for required ConfigMaps. If it existed within the last day, and the ConfigMap is
# still watched, all ConfigMaps of the default set are missing.
HEALTH = (
    f"min by ({CONFIGMAP}) (configmap_health{{{SCRAPED}}})\n"
    f"or 0 * (max by ({CONFIGMAP}) (configmap_watched{{{SCRAPED}}})"
    f" unless on ({CONFIGMAP}) configmap_health{{{SCRAPED}}}"
    f" and on ({CONFIGMAP}) max_over_time(configmap_health{{{SCRAPED}}}[1d]))"
)
"""1 for each healthy required ConfigMap, 0 for an unhealthy one, as in `RequiredConfigMapUnhealthy`."""


def per_run(metric: str, matchers: str = ALL, *, how: str = "max") -> str:
    """The value of a gauge for each run."""
    return f"{how} by ({RUN}) ({metric}{{{matchers}}})"


def per_job(metric: str, matchers: str = ALL, *, how: str = "max") -> str:
    """The value of a gauge for each Job."""
    return f"{how} by ({JOB}) ({metric}{{{matchers}}})"


def in_state(state: str, matchers: str = ALL) -> str:
    """1 for each run that is in this state, and in no other state for another replica, which may be more current."""
    return (
        f'max by ({RUN}) (coderun_state{{{matchers}, state="{state}"}})'
        f' unless on ({RUN}) coderun_state{{{matchers}, state!="{state}"}}'
    )


def without_job_since(matchers: str = ALL) -> str:
    """The time since which an open run has no Job. If the exporter does not export it, the creation of the run."""
    since = per_run("coderun_without_job_since_timestamp_seconds", matchers, how="min")
    return f"({since} or on ({RUN}) {per_run('coderun_created_timestamp', matchers)})"


def firing_since(by: str) -> str:
    """The Unix time at which each alert began to fire, by these labels.

    An alert begins to fire if it did not fire within the previous 15 minutes, so that a restart of Prometheus is
    ignored. ALERTS_FOR_STATE is not sufficient, because a restart resets it for alerts whose `for` is less than ten
    minutes. It is only used for alerts that have fired for more than a day: its earliest value of that day.
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
    """The increase of a counter within the time range of the dashboard, by these labels.

    Each replica counts all events, and so do two shards that read the same namespace. So the largest count of each
    namespace is used, as in the rules. `without` lists labels to sum over before that.
    """
    inner = f"increase({metric}{{{matchers}}}[$__range])"
    inner = f"sum without ({without}) ({inner})" if without else inner
    return f"sum by ({by}) (max by (cluster, namespace, {by}) ({inner}))"


def rate(metric: str, by: str, matchers: str = SELF) -> str:
    """The rate of a counter per second, by these labels."""
    return f"sum by ({by}) (rate({metric}{{{matchers}}}[$__rate_interval]))"


def coded(metric: str, label: str, codes: Sequence[tuple[str, int]], *, by: str, matchers: str) -> str:
    """A number for the value of a label, which a panel maps to a text and a colour.

    If replicas differ, the first matching entry of `codes` wins.
    """
    parts = [f'{code} * max by ({by}) ({metric}{{{matchers}, {label}="{value}"}} == 1)' for value, code in codes]
    return f"\nor on ({by})\n".join(parts)


def rows(objects: str, *, key: str, causes: str, info: str, kept: str) -> str:
    """The rows of a table: one for each object and cause, and one for each object without a cause. The values are 1.

    `objects` is a vector of ones by `key`; `causes` and `info` are selectors, and `kept` are labels of `info` to add.
    """
    named = f"({objects}) * on ({key}) group_right () max by ({key}, cause, detail) ({causes})"
    # If replicas have different labels, only one is used, because the join requires a unique match.
    about = f"topk by ({key}) (1, max by ({key}, {kept}) ({info}))"
    return f"(({named}) or on ({key}) ({objects})) * on ({key}) group_left ({kept}) {about}"


def left(value: str, *, key: str, of: str) -> str:
    """A value by `key`, joined to the rows `of` as a column."""
    return f"({value})\n* on ({key}) group_right () (\n{of}\n)"


def zero(expression: str) -> str:
    """The expression, or 0 if its result is empty, so that a number panel shows a value."""
    return f"({expression}) or vector(0)"
