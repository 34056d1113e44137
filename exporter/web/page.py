"""HTML of the status page: template, tables and durations. Escapes the text of tables."""

import html
from collections.abc import Iterable, Sequence
from typing import Final

from exporter.durations import short
from exporter.untrusted import printable

__all__ = ["HEADERS", "PAGE", "duration", "table"]

PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>CodeRun Exporter</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }}
  h1 {{ font-size: 1.5rem; margin-bottom: 0; }}
  h2 {{ font-size: 1.15rem; margin: 2rem 0 .25rem; }}
  p {{ margin: .25rem 0; }}
  p.sub {{ opacity: .75; overflow-wrap: anywhere; }}
  nav a {{ margin-right: 1.5rem; }}
  .scroll {{ overflow-x: auto; }}
  table {{ border-collapse: collapse; width: 100%; }}
  th, td {{ text-align: left; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid #8884; vertical-align: top; }}
  th {{ white-space: nowrap; }}
  td.number {{ white-space: nowrap; font-variant-numeric: tabular-nums; }}
  td.time {{ white-space: nowrap; }}
  td.name, td.detail {{ overflow-wrap: anywhere; white-space: pre-line; min-width: 8rem; }}
  .good {{ color: #15803d; }} .bad {{ color: #dc2626; font-weight: 600; }} .wait {{ color: #b45309; }}
  @media (prefers-color-scheme: dark) {{
    .good {{ color: #4ade80; }} .bad {{ color: #f87171; }} .wait {{ color: #fbbf24; }}
  }}
</style>
</head>
<body>
<h1>CodeRun Exporter</h1>
<p class="sub">{address}Version {version}. <span class="{ready_class}">{ready}</span></p>
<nav><a href="{metrics}">Metrics</a><a href="/readyz">Readiness</a><a href="/livez">Liveness</a></nav>
{notices}{sections}
</body>
</html>
"""

HEADERS: Final = {
    # Defense in depth: text from the cluster is escaped as well.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def table(heads: Sequence[str], rows: Iterable[Sequence[tuple[str, str]]]) -> str:
    """A table. Each cell is a pair of a CSS class, which must be trusted, and a text, which is escaped."""
    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    body = "\n".join(f"<tr>{''.join(_cell(name, text) for name, text in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def _cell(name: str, text: str) -> str:
    """Replaces characters that are not printable, such as those that reverse text."""
    shown = "\n".join(map(printable, text.split("\n")))
    return f'<td class="{name}">{html.escape(shown)}</td>'


def duration(seconds: float) -> str:
    """`45s`, `25m`, `2h 5m`, `3d 4h`."""
    return short(seconds, gap=" ")
