"""The number panels of the exporter's dashboard: whether its data is complete and up to date."""

from typing import Any

from tools.dashboards.parts import BAD, DURATION, WARN, Query, names, number
from tools.dashboards.promql import SELF, zero

__all__ = ["AGE", "ALERT", "FIRING", "OF", "exporter_numbers"]

OF = "cluster, instance, resource, scope"
AGE = f"time() - max by ({OF}) (coderun_exporter_resource_last_sync_timestamp_seconds{{{SELF}}})"
ALERT = "alertname, severity, cluster, job, instance, resource, scope"
FIRING = (
    f'max by ({ALERT}) (ALERTS{{cluster=~"$cluster", alertname=~"CodeRunExporter.*", alertstate="firing",'
    ' instance=~"$instance|"})'
)
_MANY = [(1, WARN), (4, BAD)]
_OVERRIDDEN = f'{{{SELF}, exported_namespace!=""}}'


def exporter_numbers() -> list[tuple[Any, int, int]]:
    """The panels, with width and height."""
    return [(panel, 3, 4) for panel in (*_of_scrapes(), *_of_resources())]


def _of_scrapes() -> list[Any]:
    up = f"max by (cluster, job, instance) (up{{{SELF}}})"
    kept = f"sum_over_time(up{{{SELF}}}[30m]) / count_over_time(up{{{SELF}}}[30m])"
    return [
        number(
            "Targets down",
            "Scrape targets whose last scrape failed. `CodeRunExporterDown` fires if all targets of a scrape job"
            " fail, `CodeRunExporterAbsent` if there is no target.",
            Query(f"count({up} == 0) or (count({up}) * 0)"),
            levels=[(1, BAD)],
            nothing="no target",
        ),
        number(
            "Failed scrapes, 30 min",
            "Share of failed scrapes, for the target with the largest share. `CodeRunExporterScrapesFailing` fires"
            " if it is above 5 % for every replica.",
            Query(f"max(1 - max by (cluster, job, instance) ({kept}))"),
            unit="percentunit",
            levels=[(0.01, WARN), (0.05, BAD)],
            nothing="no target",
        ),
        number(
            "Restarts, 30 min",
            "Number of restarts of the instance with the most. `CodeRunExporterRestarting` fires above 3.",
            Query(f"max(resets(process_cpu_seconds_total{{{SELF}}}[30m]))"),
            levels=_MANY,
            nothing="no exporter",
        ),
        number(
            "Overridden labels",
            "Scrape jobs whose series have `exported_namespace`: set `honor_labels: true`."
            " Alert: `CodeRunExporterLabelsOverridden`.",
            Query(
                zero(
                    "count(count by (cluster, job)"
                    f" (coderun_created_timestamp{_OVERRIDDEN} or job_created_timestamp{_OVERRIDDEN}))"
                )
            ),
            levels=[(1, BAD)],
        ),
    ]


def _of_resources() -> list[Any]:
    state = f'coderun_exporter_resource_state{{{SELF}, state="watching"}}'
    malformed = f"increase(coderun_exporter_malformed_objects_total{{{SELF}}}[$__range])"
    return [
        number(
            "Unsynced resources",
            "Number of lists and watches that are not in the state `watching`, in any replica."
            " Alert: `CodeRunExporterResourceUnavailable`.",
            Query(zero(f"count(max by ({OF}) ({state}) == 0)")),
            levels=[(1, BAD)],
        ),
        number(
            "Data freshness",
            "Time since the last sync of the resource and replica that is furthest behind. `CodeRunExporterStale`"
            " fires above 5 minutes.",
            Query(f"max({AGE})"),
            unit=DURATION,
            levels=[(150, WARN), (300, BAD)],
            nothing="no exporter",
        ),
        number(
            "Malformed objects",
            "Number of objects with an invalid field within the time range. Their other fields are exported.",
            Query(f"max(sum by (cluster, instance) ({malformed}))"),
            levels=[(1, WARN)],
            nothing="no exporter",
        ),
        names(
            "Version",
            "Two versions are normal during a rollout.",
            Query(f"count by (version) (coderun_exporter_build_info{{{SELF}}})", "{{version}}"),
            nothing="no exporter",
        ),
    ]
