"""Many runs as a table, as `kubectl get` prints them."""

from collections.abc import Iterator, Sequence

from exporter.diagnosis.explanation import Explanation
from exporter.explaining.columns import columns
from exporter.explaining.paint import Paint
from exporter.explaining.text import age, not_yet, style_of
from exporter.untrusted import one_line

__all__ = ["format_list"]

_MAX_EVIDENCE = 300
"""Characters."""
_HEAD = ("NAMESPACE", "NAME", "STATE", "AGE", "CAUSE", "SINCE", "EVIDENCE")


def format_list(runs: Sequence[Explanation], paint: Paint, *, notes: Sequence[str] = ()) -> str:
    """A table with a row for each run, the next command of the first run, and how to show all about one run."""
    return "\n".join([*_lines(runs, paint), *(paint("dim", f"Note: {note}") for note in notes)])


def _lines(runs: Sequence[Explanation], paint: Paint) -> Iterator[str]:
    if not runs:
        yield paint("good", "No open runs found.")
        return
    rows = [_HEAD, *map(_row, runs)]
    yield from columns(rows, paint, head=True, styles=["", *map(style_of, runs)])
    worst = runs[0]
    if worst.verdict != "ok" and worst.findings and worst.findings[0].next:
        yield ""
        yield paint("bold", f"Next: {worst.findings[0].next}")
    if (first := next((run for run in runs if run.findings), None)) is not None:
        yield f"More: explain {first.namespace}/{first.name} shows all that is known of one run"


def _row(run: Explanation) -> tuple[str, ...]:
    first = run.findings[0] if run.findings else None
    cause = f"{first.cause}{not_yet(first)}" if first else "unknown" if run.verdict != "ok" else "<none>"
    since = age(first.since, run.observed) if first else ""
    return (
        run.namespace,
        run.name,
        run.phase or run.state,
        age(run.created, run.observed),
        cause,
        since,
        one_line(first.evidence, limit=_MAX_EVIDENCE) if first else "",
    )
