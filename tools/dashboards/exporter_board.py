"""The dashboard of the exporter itself: data freshness, permissions, and resource usage."""

from typing import Any

from exporter.telemetry import STATES
from tools.dashboards.board import EXPORTER, RUNBOOK, Row, board, datasource, query
from tools.dashboards.exporter_numbers import AGE, ALERT, FIRING, OF, exporter_numbers
from tools.dashboards.parts import BAD, DURATION, GOOD, NEUTRAL, WARN, Query, lanes, lines, number
from tools.dashboards.promql import SELF, coded, firing_since, rate
from tools.dashboards.table_panel import Column, table

__all__ = ["exporter_board"]

LEGEND = "{{resource}} {{scope}} ({{instance}})"
COLORS = {"watching": GOOD, "syncing": NEUTRAL, "unreachable": WARN}
WORDS = {code: (state, COLORS.get(state, BAD)) for code, state in enumerate(STATES, start=1)}
STATE = coded(
    "coderun_exporter_resource_state",
    "state",
    [(state, code) for code, (state, _) in WORDS.items()],
    by=OF,
    matchers=SELF,
)


def exporter_board() -> str:
    """The JSON of the dashboard."""
    series = 'coderun_exporter_build_info{cluster=~"$cluster"}'
    return board(
        EXPORTER,
        "The exporter itself: data freshness, permissions, scrapes, and resource usage.",
        variables=[
            datasource(),
            query("cluster", "Cluster", series="coderun_exporter_build_info", include_all=True),
            query("instance", "Instance", series=series, include_all=True),
        ],
        annotations=[FIRING],
        rows=[
            Row("Is the data complete and up to date?", [*exporter_numbers(), (_alerts(), 24, 4)]),
            Row("Lists and watches", _watches()),
            Row("Scrapes", _scrapes()),
            Row("Resource usage", _resource_usage()),
        ],
        since="3h",
    )


def _alerts() -> Any:
    return table(
        "Firing alerts",
        "Firing alerts about the exporter, and the time at which each began to fire. The name of an alert links to"
        " its runbook, if the address is set.",
        Query(f"1000 * (({firing_since(ALERT)}) and ({FIRING}))"),
        columns=[
            Column(field="severity", title="Severity", width=80, words={"critical": BAD, "warning": WARN}),
            Column(field="alertname", title="Alert", link=RUNBOOK),
            Column(field="cluster", title="Cluster"),
            Column(field="job", title="Scrape job"),
            Column(field="resource", title="Resource"),
            Column(field="scope", title="Scope"),
            Column(field="instance", title="Instance"),
            Column(field="A", title="Firing since", unit="dateTimeAsIso", width=170),
        ],
        by="Severity",
        descending=False,
        nothing="No alert fires",
    )


def _watches() -> list[tuple[Any, int, int]]:
    states = lanes(
        "State of each list and watch",
        "`watching` is the normal state; docs/operations.md describes the others."
        " Alert: `CodeRunExporterResourceUnavailable`.",
        Query(STATE, LEGEND),
        words=WORDS,
    )
    age = lines(
        "Data freshness by resource",
        "Time since the last sync. Bookmarks arrive about once a minute, so up to 90 s are normal."
        " `CodeRunExporterStale` fires above the line.",
        Query(f"max by (cluster, instance, resource) ({AGE})", "{{resource}} ({{instance}})"),
        unit=DURATION,
        levels=[(300, BAD)],
    )
    resources = table(
        "Resources",
        "Each list and watch of each replica: cached objects, time since the last sync, and the last change.",
        Query(f"max by ({OF}) (coderun_exporter_resource_objects{{{SELF}}})"),
        Query(STATE),
        Query(f"max by ({OF}) (coderun_exporter_resource_required{{{SELF}}})"),
        Query(AGE),
        Query(f"1000 * max by ({OF}) (coderun_exporter_resource_last_event_timestamp_seconds{{{SELF}}})"),
        columns=[
            Column(field="cluster", title="Cluster", width=110),
            Column(field="instance", title="Instance"),
            Column(field="resource", title="Resource", width=130),
            Column(field="scope", title="Scope"),
            Column(field="B", title="State", width=110, codes=WORDS),
            Column(field="C", title="Required", width=85, codes={0: ("no", NEUTRAL), 1: ("yes", GOOD)}),
            Column(field="A", title="Objects", unit="short", width=85),
            Column(field="D", title="Last sync", unit=DURATION, width=85, levels=[(150, WARN), (300, BAD)]),
            Column(field="E", title="Last change", unit="dateTimeAsIsoNoDateIfToday", width=110),
        ],
        by="Objects",
        nothing="No exporter",
    )
    errors = lines(
        "API errors",
        "Failed requests, by HTTP status or kind of error. 410 is normal: the exporter then lists again.",
        Query(rate("coderun_exporter_errors_total", "resource, code"), "{{resource}} {{code}}"),
        unit="reqps",
    )
    requests = lines(
        "Lists and watches started",
        "Each watch is restarted every 5 to 10 minutes. Many lists mean that watches break.",
        Query(rate("coderun_exporter_requests_total", "resource, verb"), "{{resource}} {{verb}}"),
        unit="reqps",
    )
    logs = lines(
        "Container logs",
        "Containers whose logs are read, by the state of the last read; docs/operations.md describes the states. No"
        " data unless `logs.enabled` is set. Alert: `CodeRunExporterLogsUnreadable`.",
        Query(
            f"max by (cluster, instance, state) (coderun_exporter_log_containers{{{SELF}}})",
            "{{state}} ({{instance}})",
        ),
    )
    return [(states, 14, 9), (age, 10, 9), (resources, 24, 9), (errors, 8, 7), (requests, 8, 7), (logs, 8, 7)]


def _scrapes() -> list[tuple[Any, int, int]]:
    buckets = rate("coderun_exporter_scrape_duration_seconds_bucket", "cluster, instance, le")
    took = lines(
        "Scrape duration",
        "Measured by the exporter until the last byte is sent, and by Prometheus.",
        Query(f"histogram_quantile(0.95, {buckets})", "{{instance}} p95"),
        Query(f"max by (cluster, instance) (scrape_duration_seconds{{{SELF}}})", "{{instance}} by Prometheus"),
        unit="s",
    )
    served = lines(
        "Scrapes served, clients rejected",
        "Scrapes per second, by the compression that the client requested, and rejected clients, by the limit that"
        " they exceeded. A Prometheus server with the shipped scrape configuration exceeds none.",
        Query(
            rate("coderun_exporter_scrape_duration_seconds_count", "instance, encoding"),
            "{{instance}} {{encoding}}",
        ),
        Query(rate("coderun_exporter_clients_refused_total", "reason"), "rejected: {{reason}}"),
        unit="reqps",
    )
    size = lines(
        "Samples per scrape",
        "Number of samples in one scrape, before metric relabelling.",
        Query(f"max by (cluster, instance) (scrape_samples_scraped{{{SELF}}})", "{{instance}}"),
    )
    reloaded = f"max by (cluster, job, instance) (coderun_exporter_web_config_last_reload_successful{{{SELF}}})"
    config = number(
        "Invalid web config",
        "Replicas that rejected a changed web configuration and keep the previous one."
        " `CodeRunExporterWebConfigInvalid` fires after 5 minutes.",
        Query(f"count({reloaded} == 0) or (count({reloaded}) * 0)"),
        levels=[(1, BAD)],
        nothing="no exporter",
    )
    return [(took, 8, 7), (served, 8, 7), (size, 5, 7), (config, 3, 7)]


def _resource_usage() -> list[tuple[Any, int, int]]:
    late = rate("coderun_exporter_event_loop_delay_seconds_bucket", "cluster, instance, le")
    memory = lines(
        "Memory",
        "Resident memory. It grows by about 0.7 kB for each run and Job.",
        Query(f"max by (cluster, instance) (process_resident_memory_bytes{{{SELF}}})", "{{instance}}"),
        unit="bytes",
    )
    work = lines(
        "CPU",
        "CPU usage in cores. The exporter uses at most one core; when it does, scrapes and events are delayed.",
        Query(
            f"max by (cluster, instance) (rate(process_cpu_seconds_total{{{SELF}}}[$__rate_interval]))",
            "{{instance}}",
        ),
        unit="none",
        levels=[(1, BAD)],
    )
    delay = lines(
        "Event loop: delay",
        "99th percentile of the delay of the asyncio event loop. Normal values are below 10 ms.",
        Query(f"histogram_quantile(0.99, {late})", "{{instance}}"),
        unit="s",
    )
    return [(memory, 8, 7), (work, 8, 7), (delay, 8, 7)]
