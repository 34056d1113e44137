"""The report of a soak test."""

import collections
import statistics
from collections.abc import Iterator, Sequence

from tools.soak.outcome import MEASURES, Outcome
from tools.soak.scrapers import Seen

__all__ = ["report"]

_HOUR = 3600.0


def report(outcome: Outcome, *, title: str) -> str:
    """The report as Markdown tables."""
    return "\n".join([title, "", *_slopes(outcome), "", *_figures(outcome), "", *_faults(outcome)])


def _slopes(outcome: Outcome) -> Iterator[str]:
    yield f"From {_clock(outcome.settled)} to {_clock(outcome.seconds)}, after everything had been replaced once:"
    yield ""
    yield "| | at the start | at the end | slope an hour | 95 % interval | allowed |"
    yield "|---|---|---|---|---|---|"
    for measure in MEASURES:
        found, digits = outcome.trend(measure), measure.digits
        if found is None:
            yield f"| {measure.name} | too few samples | | | | |"
            continue
        ends = f"{found.first:.{digits}f} | {found.last:.{digits}f}"
        slope, allowed = found.slope * _HOUR, measure.allowed(seconds=outcome.judged)
        yield f"| {measure.name} | {ends} | {slope:+,.1f} | {measure.per_hour(found)} | {allowed:,.1f} |"


def _figures(outcome: Outcome) -> Iterator[str]:
    rate = outcome.changes / outcome.seconds
    leak = MEASURES[0].drift * 2**20 / (rate * outcome.judged)
    yield "| | |"
    yield "|---|---|"
    yield f"| scrapes; failed | {len(outcome.scrapes):,}; {sum(bool(seen.problem) for seen in outcome.scrapes)} |"
    for form in sorted({seen.form for seen in outcome.scrapes}):
        seconds = [seen.seconds for seen in outcome.scrapes if seen.form == form]
        yield f"| {form}: scrapes; median; p99; slowest | {len(seconds):,}; {_times(seconds)} |"
    yield f"| event loop delay | {_delays(outcome.scrapes)} |"
    yield f"| changes; a second; objects replaced | {outcome.changes:,}; {rate:.0f}; {outcome.turnovers:.1f} times |"
    yield f"| a leak that would have been found | from {leak:.0f} bytes a change on |"
    yield f"| peak memory; CPU | {outcome.peak_mib:.0f} MiB; {outcome.cpu_share * 100:.0f} % of a core |"
    yield f"| last scrape, compared with a newly started exporter | {len(outcome.different) or 'no'} samples differ |"
    yield f"| errors in the exporter's log | {len(outcome.complaints)} |"


def _faults(outcome: Outcome) -> Iterator[str]:
    yield "| fault | times | requests until the next fault |"
    yield "|---|---|---|"
    times = collections.Counter(fault.name for fault in outcome.faults)
    for name in sorted(times):
        asked = sum(fault.asked for fault in outcome.faults if fault.name == name)
        yield f"| {name} | {times[name]} | {asked:.0f} |"
    errors = next((seen.errors for seen in reversed(outcome.scrapes) if seen.errors), {})
    counts = ", ".join(f"{count:.0f} {code}" for code, count in sorted(errors.items()))
    yield ""
    yield f"Requests that failed, as the exporter counted them: {counts or 'none'}"


def _times(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"{statistics.median(ordered) * 1e3:.0f}; {p99 * 1e3:.0f}; {ordered[-1] * 1e3:.0f} ms"


def _delays(scrapes: Sequence[Seen]) -> str:
    """The buckets of the event loop delays that contain 99 % and 100 % of them."""
    late = next((seen.late for seen in reversed(scrapes) if seen.late), {"+Inf": 0.0})
    total = late["+Inf"]
    usual = next(bound for bound, count in late.items() if count >= 0.99 * total)
    most = next(bound for bound, count in late.items() if count >= total)
    return f"99 % at most {usual} s, all of {total:.0f} at most {most} s"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
