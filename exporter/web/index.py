"""The status page at `/`: stuck runs, broken ConfigMaps, the states of all resources, and notices."""

import html
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

from aiohttp import web

from exporter import __version__
from exporter.plurals import plural
from exporter.telemetry import ResourceStatus
from exporter.web.health import Health
from exporter.web.overview import Overview, Row
from exporter.web.page import HEADERS, PAGE, duration, table

__all__ = ["index"]

_PAGED = "lists in pages: streamed lists fail"


def index(
    *, health: Health, overview: Overview, telemetry_path: str
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler of `/`."""

    async def handler(_: web.Request) -> web.Response:
        rows, more = await overview.rows()
        ready = health.is_ready()
        count = f" ({len(rows) + more})" if rows else ""
        unread = sum(status.resource == "configmaps" and status.last_sync is None for status in health.statuses)
        sections = [
            f"<h2>Stuck runs{count}</h2>\n{_stuck(rows, more, known=ready, stale=_stale(health))}",
            f"<h2>Required ConfigMaps</h2>\n{_configmaps(overview, unread)}",
        ]
        if overview.broken_configmaps():
            sections.reverse()  # broken ConfigMaps may be the cause of many stuck runs
        text = PAGE.format(
            version=html.escape(__version__),
            address=html.escape(address + ". " if (address := overview.address()) else ""),
            metrics=html.escape(telemetry_path),
            ready="Ready." if ready else "Not ready: the initial lists have not completed.",
            ready_class="good" if ready else "bad",
            notices="".join(f'<p class="wait">{html.escape(line)}</p>\n' for line in health.notices.lines),
            sections="\n".join((*sections, "<h2>Resources</h2>", _resources(health.statuses), *_logs(health.logs))),
        )
        return web.Response(text=text, content_type="text/html", headers=HEADERS)

    return handler


def _stale(health: Health) -> bool:
    return any(status.required and status.state != "watching" for status in health.statuses)


def _stuck(rows: list[Row], more: int, *, known: bool, stale: bool) -> str:
    note = '<p class="wait">Stale: not every required resource is watched, see below.</p>\n' if stale else ""
    if not rows:
        text = "No run is stuck." if known else "Unknown until the initial lists have completed."
        return f'{note}<p class="{"good" if known and not stale else "wait"}">{text}</p>'
    cells = [
        (
            ("bad" if row.critical else "wait", "no Job" if not row.job else "running"),
            ("", row.namespace),
            ("name", row.name),
            ("name", row.job),
            ("number", duration(row.seconds)),
            ("number", duration(row.limit)),
            ("detail", "\n".join(row.causes) or "unknown"),
            ("detail", row.next),
        )
        for row in rows
    ]
    heads = ("State", "Namespace", "Run", "Job", "For", "Limit", "Cause", "Next")
    rest = f"<p>{more} more {'is' if more == 1 else 'are'} stuck.</p>" if more else ""
    return note + table(heads, cells) + rest


def _configmaps(overview: Overview, unread: int) -> str:
    healthy = overview.healthy_configmaps()
    parts = [f'<p class="good">{plural(healthy, "required ConfigMap")} healthy.</p>'] if healthy else []
    broken = [
        (("bad", problems), ("", item.namespace), ("name", item.name))
        for item, problems in overview.broken_configmaps()
    ]
    if broken:
        parts.insert(0, table(("Problem", "Namespace", "ConfigMap"), broken))
    if unread:
        parts.append('<p class="wait">Unknown: required ConfigMaps have not been read, see below.</p>')
    return "\n".join(parts) or "<p>No ConfigMap is known to be required.</p>"


def _logs(states: Mapping[str, int] | None) -> list[str]:
    if states is None:
        return []
    known = ", ".join(f"{number} {state}" for state, number in states.items() if number)
    return ["<h2>Logs</h2>", f"<p>Containers: {html.escape(known)}.</p>" if known else "<p>No log has been read.</p>"]


def _resources(statuses: Iterable[ResourceStatus]) -> str:
    cells = [
        (
            ("", status.resource),
            ("", status.scope),
            ({"watching": "good", "syncing": "wait"}.get(status.state, "bad"), status.state),
            ("time", time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(status.since))),
            ("number", "" if status.last_sync is None else str(status.objects)),
            ("detail", status.detail if status.state != "watching" else _PAGED if status.note else ""),
        )
        for status in statuses
    ]
    return table(("Resource", "Scope", "State", "Since (UTC)", "Objects", "Detail"), cells)
