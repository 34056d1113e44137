"""The dashboard of the exporter itself: is its picture fresh, does it read everything, what does it cost."""

from typing import Any

from exporter.telemetry import STATES
from tools.dashboards.board import EXPORTER, RUNBOOK, Row, board, datasource, query
from tools.dashboards.parts import BAD, GOOD, NEUTRAL, WARN, Query, lanes, lines, names, number
from tools.dashboards.promql import SELF, coded, counter, zero
from tools.dashboards.table_panel import Column, table

__all__ = ["exporter_board"]

OF = "cluster, instance, resource, scope"
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
AGE = f"time() - max by ({OF}) (coderun_exporter_resource_last_sync_timestamp_seconds{{{SELF}}})"
ALERT = "alertname, severity, cluster, job, instance, resource, scope"
FIRING = (
    f'max by ({ALERT}) (ALERTS{{cluster=~"$cluster", alertname=~"CodeRunExporter.*", alertstate="firing",'
    ' instance=~"$instance|"})'
)


def exporter_board() -> str:
    """Its JSON."""
    series = 'coderun_exporter_build_info{cluster=~"$cluster"}'
    return board(
        EXPORTER,
        "The watcher watched: how fresh its picture is, what it may not read, and what it costs.",
        variables=[
            datasource(),
            query("cluster", "Cluster", series="coderun_exporter_build_info", all_of_them=True),
            query("instance", "Instance", series=series, all_of_them=True),
        ],
        annotations=[FIRING],
        rows=[
            Row("Can it be trusted now?", _numbers()),
            Row("What it reads", _reading()),
            Row("What it answers", _answering()),
            Row("What it costs", _costs()),
        ],
        since="3h",
    )


def _numbers() -> list[tuple[Any, int, int]]:
    up = f"max by (cluster, job, instance) (up{{{SELF}}})"
    panels = [
        number(
            "Targets down",
            "Scrape targets that do not answer. `CodeRunExporterDown` fires when none answers, and"
            " `CodeRunExporterAbsent` when there is none.",
            Query(f"count({up} == 0) or (count({up}) * 0)"),
            levels=[(1, BAD)],
            nothing="no target",
        ),
        number(
            "Resources not read",
            "Lists and watches that are in another state than `watching`, in any replica."
            " `CodeRunExporterResourceUnavailable`.",
            Query(zero(f'count(max by ({OF}) (coderun_exporter_resource_state{{{SELF}, state="watching"}}) == 0)')),
            levels=[(1, BAD)],
        ),
        number(
            "Oldest picture",
            "Of the resource and replica that are furthest behind. `CodeRunExporterStale` fires above 5 minutes.",
            Query(f"max({AGE})"),
            unit="s",
            levels=[(150, WARN), (300, BAD)],
            nothing="no exporter",
        ),
        number(
            "Restarts in 30 min",
            "Of the instance with most. `CodeRunExporterRestarting` fires above 3.",
            Query(f"max(changes(process_start_time_seconds{{{SELF}}}[30m]))"),
            levels=[(1, WARN), (4, BAD)],
            nothing="no exporter",
        ),
        number(
            "Malformed objects",
            "Objects within the time chosen above in which something could not be read; the rest of them is shown.",
            Query(
                "max(sum by (cluster, instance) ("
                f"increase(coderun_exporter_malformed_objects_total{{{SELF}}}[$__range])))"
            ),
            levels=[(1, WARN)],
            nothing="no exporter",
        ),
        names(
            "Version",
            "What runs. Two of them are normal during a rollout.",
            Query(f"count by (version) (coderun_exporter_build_info{{{SELF}}})", "{{version}}"),
            nothing="no exporter",
        ),
    ]
    return [*((panel, 4, 4) for panel in panels), (_alerts(), 24, 4)]


def _alerts() -> Any:
    return table(
        "Alerts about the exporter",
        "Those that fire now; the name leads to the runbook.",
        Query(FIRING),
        columns=[
            Column(field="severity", title="Severity", width=80, words={"critical": BAD, "warning": WARN}),
            Column(field="alertname", title="Alert", link=RUNBOOK),
            Column(field="cluster", title="Cluster"),
            Column(field="job", title="Scrape job"),
            Column(field="resource", title="Resource"),
            Column(field="scope", title="Scope"),
            Column(field="instance", title="Instance"),
        ],
        by="Severity",
        descending=False,
        nothing="No alert fires",
    )


def _reading() -> list[tuple[Any, int, int]]:
    states = lanes(
        "State of each list and watch",
        "`watching` is well; what the others mean, the operations page says. `CodeRunExporterResourceUnavailable`.",
        Query(STATE, LEGEND),
        words=WORDS,
    )
    age = lines(
        "Age of the picture",
        "A bookmark renews it about once a minute, so up to 90 s are normal. `CodeRunExporterStale` fires above the"
        " line.",
        Query(f"max by (cluster, instance, resource) ({AGE})", "{{resource}} ({{instance}})"),
        unit="s",
        levels=[(300, BAD)],
    )
    resources = table(
        "Resources",
        "What is read where, by each replica: how much of it is kept, and when it last changed.",
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
            Column(field="D", title="Age", unit="s", width=85, levels=[(150, WARN), (300, BAD)]),
            Column(field="E", title="Last change", unit="dateTimeAsIsoNoDateIfToday", width=110),
        ],
        by="Objects",
        nothing="No exporter",
    )
    errors = lines(
        "Errors of requests",
        "By HTTP status or kind. 410 means to list again, which is normal life.",
        Query(counter("coderun_exporter_errors_total", "resource, code"), "{{resource}} {{code}}"),
        unit="reqps",
    )
    requests = lines(
        "Lists and watches begun",
        "A watch is asked for anew every 5 to 10 minutes. Many lists mean that watches cannot be kept.",
        Query(counter("coderun_exporter_requests_total", "resource, verb"), "{{resource}} {{verb}}"),
        unit="reqps",
    )
    return [(states, 14, 9), (age, 10, 9), (resources, 24, 9), (errors, 12, 7), (requests, 12, 7)]


def _answering() -> list[tuple[Any, int, int]]:
    buckets = counter("coderun_exporter_scrape_duration_seconds_bucket", "cluster, instance, le")
    took = lines(
        "Scrape duration",
        "As the exporter measures it, to the last byte sent, and as Prometheus does.",
        Query(f"histogram_quantile(0.95, {buckets})", "{{instance}} p95"),
        Query(f"max by (cluster, instance) (scrape_duration_seconds{{{SELF}}})", "{{instance}} by Prometheus"),
        unit="s",
    )
    served = lines(
        "Scrapes answered",
        "By the compression that was asked for.",
        Query(
            counter("coderun_exporter_scrape_duration_seconds_count", "instance, encoding"),
            "{{instance}} {{encoding}}",
        ),
        unit="reqps",
    )
    refused = lines(
        "Clients refused",
        "By the limit that they met. Prometheus itself meets none: somebody else is there, or it cannot keep up.",
        Query(counter("coderun_exporter_clients_refused_total", "reason"), "{{reason}}"),
        unit="reqps",
    )
    size = lines(
        "Series on the page",
        "Samples of a scrape.",
        Query(f"max by (cluster, instance) (scrape_samples_scraped{{{SELF}}})", "{{instance}}"),
    )
    return [(took, 6, 7), (served, 6, 7), (refused, 6, 7), (size, 6, 7)]


def _costs() -> list[tuple[Any, int, int]]:
    late = counter("coderun_exporter_event_loop_delay_seconds_bucket", "cluster, instance, le")
    memory = lines(
        "Memory",
        "Resident. About 0.7 kB for each run and Job, on top of what it is at the start.",
        Query(f"max by (cluster, instance) (process_resident_memory_bytes{{{SELF}}})", "{{instance}}"),
        unit="bytes",
    )
    work = lines(
        "CPU",
        "In cores. Above one, scrapes and events wait.",
        Query(
            f"max by (cluster, instance) (rate(process_cpu_seconds_total{{{SELF}}}[$__rate_interval]))",
            "{{instance}}",
        ),
        unit="none",
        levels=[(1, BAD)],
    )
    delay = lines(
        "Event loop: delay",
        "The 99th percentile of how late it comes back. Nothing holds it for more than 10 ms on purpose.",
        Query(f"histogram_quantile(0.99, {late})", "{{instance}}"),
        unit="s",
    )
    tasks = lines(
        "Event loop: tasks",
        "As many as there are watches and open scrapes, and a few more. What grows here leaks.",
        Query(f"max by (cluster, instance) (coderun_exporter_event_loop_tasks{{{SELF}}})", "{{instance}}"),
    )
    return [(memory, 6, 7), (work, 6, 7), (delay, 6, 7), (tasks, 6, 7)]
