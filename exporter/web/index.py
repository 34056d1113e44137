"""The page at `/`: where the metrics are, the state of everything that is read, and notices about the settings."""

import html
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from exporter import __version__
from exporter.telemetry import ResourceStatus
from exporter.web.health import Health

__all__ = ["index"]

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>CodeRun Exporter</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }}
  h1 {{ font-size: 1.5rem; margin-bottom: 0; }}
  p.sub {{ margin-top: .25rem; opacity: .7; }}
  nav a {{ margin-right: 1.5rem; }}
  table {{ border-collapse: collapse; width: 100%; margin-top: 1.5rem; }}
  th, td {{ text-align: left; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid #8884; vertical-align: top; }}
  td.number, th.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
  td.time {{ white-space: nowrap; }}
  td.detail {{ overflow-wrap: anywhere; }}
  .good {{ color: #15803d; }} .bad {{ color: #dc2626; font-weight: 600; }} .wait {{ color: #b45309; }}
  @media (prefers-color-scheme: dark) {{
    .good {{ color: #4ade80; }} .bad {{ color: #f87171; }} .wait {{ color: #fbbf24; }}
  }}
</style>
</head>
<body>
<h1>CodeRun Exporter</h1>
<p class="sub">Version {version}. <span class="{ready_class}">{ready}</span></p>
<nav><a href="{metrics}">Metrics</a><a href="/readyz">Readiness</a><a href="/livez">Liveness</a></nav>
{notices}<table>
<thead><tr><th>Resource</th><th>Scope</th><th>State</th><th>Since (UTC)</th><th class="number">Objects</th>
<th>Detail</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""
_ROW = (
    '<tr><td>{}</td><td>{}</td><td class="{}">{}</td><td class="time">{}</td>'
    '<td class="number">{}</td><td class="detail">{}</td></tr>'
)
_NOTICE = '<p class="wait">{}</p>\n'
_HEADERS = {
    # Text from the cluster is escaped; this is for the day on which somebody forgets it.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def index(*, health: Health, telemetry_path: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler of `/`."""

    async def handler(_: web.Request) -> web.Response:
        ready = health.is_ready()
        text = _PAGE.format(
            version=html.escape(__version__),
            metrics=html.escape(telemetry_path),
            ready="Ready." if ready else "Not ready: not everything that is needed has been read.",
            ready_class="good" if ready else "bad",
            notices="".join(_NOTICE.format(html.escape(line)) for line in health.notices.lines),
            rows="\n".join(map(_row, health.statuses)),
        )
        return web.Response(text=text, content_type="text/html", headers=_HEADERS)

    return handler


def _row(status: ResourceStatus) -> str:
    mood = {"watching": "good", "syncing": "wait"}.get(status.state, "bad")
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(status.since))
    objects = "" if status.last_sync is None else str(status.objects)
    detail = "" if status.state == "watching" else status.detail
    cells = (status.resource, status.scope, mood, status.state, since, objects, detail)
    return _ROW.format(*map(html.escape, cells))
