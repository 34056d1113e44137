"""The explanation of one run as text, laid out as `kubectl describe` does."""

import datetime as dt
from collections.abc import Iterator, Sequence

from exporter.diagnosis.causes import CAUSES
from exporter.diagnosis.explanation import ContainerView, Explanation, FindingView, PodView, Time, WorkerView
from exporter.diagnosis.starts import STARTS
from exporter.durations import short
from exporter.explaining.columns import columns
from exporter.explaining.paint import Paint
from exporter.plurals import plural
from exporter.untrusted import shorten

__all__ = ["age", "format_run", "not_yet", "style_of"]

_WIDTH = 12
_MAX_REASON_LENGTH = 80
"""Characters of a reason in a column that others follow."""
_WITHOUT_PODS = frozenset({"no pod", "suspended", "succeeded"})
"""States of workers of which no pod is expected."""
_EFFECT = "pod_not_starting"
"""A cause that always is the effect of one why a pod does not start."""
_STARTS = frozenset(one.name for one in STARTS)
_MIN_REPEATED = 20
"""Characters of an evidence that cannot be by chance in another one."""
_STYLES = {"fault": "bad", "unknown": "wait", "ok": "good"}


def format_run(run: Explanation, paint: Paint) -> str:
    """The cause and the next command, then the run, its worker (a Job or Pod), pods, containers and Events."""
    lines = [
        *_head(run, paint),
        *_cause(run, paint),
        *_chain(run, paint),
        *_events(run, paint),
        *_timeline(run, paint),
    ]
    lines += [paint("dim", f"Note: {note}") for note in run.notes]
    return "\n".join(line.rstrip() for line in lines)


def style_of(run: Explanation) -> str:
    """The style for the verdict of a run."""
    return _STYLES.get(run.verdict, "")


def age(moment: Time, now: Time) -> str:
    """The age as kubectl prints it; empty if it is unknown."""
    if moment is None or now is None:
        return ""
    return short((_utc(now) - _utc(moment)).total_seconds())


def _utc(moment: dt.datetime) -> dt.datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _head(run: Explanation, paint: Paint) -> Iterator[str]:
    phase = f" (phase {run.phase})" if run.phase else ""
    rows = (
        ("Name", run.name),
        ("Namespace", run.namespace),
        ("Kind", run.kind),
        ("State", run.state + phase),
        ("Agent", run.agent),
        ("Attempt", str(run.attempt) if run.attempt > 1 else ""),
        ("Created", _moment(run.created, run)),
        ("Finished", _moment(run.finished, run)),
        ("Deleted", _moment(run.deleted, run)),
        ("Recorded", _moment(run.recorded, run)),
        ("Message", run.message),
    )
    for name, value in rows:
        if value:
            yield _field(name, value, paint)


def _field(name: str, value: str, paint: Paint, style: str = "") -> str:
    return f"{paint('bold', f'{name}:')}{' ' * max(1, _WIDTH - len(name))}{paint(style, value)}"


def _moment(moment: Time, run: Explanation) -> str:
    if moment is None:
        return ""
    ago = f"{age(moment, run.observed)} ago"
    if run.observed is not None and _utc(moment) > _utc(run.observed):
        ago = f"in {age(run.observed, moment)}"
    return f"{_utc(moment).strftime('%Y-%m-%dT%H:%M:%SZ')} ({ago})"


def _cause(run: Explanation, paint: Paint) -> Iterator[str]:
    if not run.findings:
        words = "none: no fault found" if run.verdict == "ok" else "unknown"
        yield _field("Cause", words, paint, style_of(run))
        return
    first, *others = run.findings
    style = style_of(run) if first.fault else "wait"
    yield _field("Cause", f"{first.cause}{not_yet(first)}", paint, style)
    for name, value in (
        ("  Evidence", first.evidence),
        ("  Since", _moment(first.since, run)),
        ("  Meaning", first.meaning),
        ("  Act", first.act),
        ("  Next", first.next),
        ("  Fix", first.fix),
    ):
        if value:
            yield _field(name, value, paint, "bold" if name == "  Next" else "")
    if others:
        yield paint("bold", "Also:")
        yield from _others(others, first, run, paint)


def _others(others: Sequence[FindingView], first: FindingView, run: Explanation, paint: Paint) -> Iterator[str]:
    """A line for each, and below it the next command, unless it is one of another finding before it."""
    shown = {first.next, ""}
    rows = [(f"{one.cause}{not_yet(one)}", age(one.since, run.observed), _evidence(one, first)) for one in others]
    for line, one in zip(columns(rows, paint), others, strict=True):
        yield f"  {line}"
        if one.next not in shown:
            yield f"    Next: {one.next}"
        shown.add(one.next)


def _evidence(one: FindingView, first: FindingView) -> str:
    """The evidence, unless it is the effect of the cause: by its kind, or because that one's evidence contains it."""
    said = one.evidence.partition("; on node ")[0].removesuffix(".")
    is_repeated = said in first.evidence and (one.cause == _EFFECT or len(said) >= _MIN_REPEATED)
    is_same = is_repeated or (one.cause == _EFFECT and first.fault and first.cause in _STARTS)
    return "effect of the cause" if is_same else one.evidence


def not_yet(finding: FindingView) -> str:
    """The remark after a finding that is not a fault, or not a fault yet; otherwise empty."""
    if finding.fault:
        return ""
    info = CAUSES.get(finding.cause)
    return " (not a fault yet)" if info is None or info.fault else " (not a fault)"


def _chain(run: Explanation, paint: Paint) -> Iterator[str]:
    above = list(_workflow_rows(run))
    below = [(run.kind, run.name, run.phase or run.state, age(run.created, run.observed))]
    for worker in run.workers:
        below += _worker_rows(worker, run)
    if run.more_workers:
        below.append((f"  {run.more_workers} more", "", "", ""))
    indent = "  " * len(above)
    rows = [*above, *((f"{indent}{kind}", *others) for kind, *others in below)]
    yield paint("bold", "Chain:")
    yield from (f"  {line}" for line in columns([("OBJECT", "NAME", "STATE", "AGE"), *rows], paint, head=True))


def _workflow_rows(run: Explanation) -> Iterator[tuple[str, str, str, str]]:
    """The workflow that owns the run, and its step that waits for it."""
    if (workflow := run.workflow) is None:
        return
    yield "Workflow", workflow.name, workflow.state or "not read", age(workflow.created, run.observed)
    if workflow.step:
        yield "  Step", workflow.step, "waits for the run", age(workflow.step_started, run.observed)


def _worker_rows(worker: WorkerView, run: Explanation) -> Iterator[tuple[str, str, str, str]]:
    state = (
        worker.state + (f": {worker.reason}" if worker.reason else "") + ("" if worker.current else " (not current)")
    )
    indent = "  "
    if worker.kind != "Pod" or not worker.pods:
        yield f"{indent}{worker.kind}", worker.name, state, age(worker.created, run.observed)
        indent += "  "
    if not worker.pods_known and worker.kind != "Pod" and worker.state not in _WITHOUT_PODS:
        yield f"{indent}Pod", "not read", "unknown", ""
    for pod in worker.pods:
        yield f"{indent}Pod", pod.name, _pod_state(pod), age(pod.created, run.observed)
        for one in pod.containers:
            yield f"{indent}  {one.role}", one.name, _container_state(one), age(one.since, run.observed)
    if worker.more_pods:
        yield f"{indent}and {plural(worker.more_pods, 'more pod')}", "", "", ""


def _pod_state(pod: PodView) -> str:
    node = f" on {pod.node}" if pod.node else ""
    return f"{pod.state}{node}" + (f": {shorten(pod.reason, limit=_MAX_REASON_LENGTH)}" if pod.reason else "")


def _container_state(one: ContainerView) -> str:
    code = "" if one.exit_code is None else f" with exit code {one.exit_code}"
    reason = f": {one.reason}" if one.reason else ""
    last = f"; last {one.last_reason}" if one.last_reason else ""
    restarts = f" ({one.restarts} restarts{last})" if one.restarts else ""
    return f"{one.state or 'not reported'}{code}{reason}{restarts}"


def _events(run: Explanation, paint: Paint) -> Iterator[str]:
    if not run.events:
        words = "no warnings" if run.events_known else "<not read>"
        yield _field("Events", words, paint)
        return
    yield paint("bold", "Events:")
    rows = [("LAST SEEN", "COUNT", "REASON", "OBJECT", "MESSAGE")]
    rows += [
        (age(one.last or one.first, run.observed), str(one.count), one.reason, one.object, one.note)
        for one in run.events
    ]
    yield from (f"  {line}" for line in columns(rows, paint, head=True))


def _timeline(run: Explanation, paint: Paint) -> Iterator[str]:
    """The timeline of a run that has ended or no longer exists."""
    if not run.timeline or (run.finished is None and run.recorded is None):
        return
    yield paint("bold", "Timeline:")
    rows = [(_utc(one.time).strftime("%Y-%m-%dT%H:%M:%SZ"), one.object, one.what) for one in run.timeline]
    yield from (f"  {line}" for line in columns([("TIME", "OBJECT", "WHAT"), *rows], paint, head=True))
