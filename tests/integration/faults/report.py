"""The figures of all faults' tests, as the table that docs/reliability.md shows."""

import dataclasses
from collections import Counter
from typing import Any

from tests.integration.faults.subject import Endured

__all__ = ["Report", "Row", "collected", "table"]

_KEY, _NOTES = "fault", "notes"


@dataclasses.dataclass(kw_only=True)
class Row:
    """All tests of one fault. Seconds and MiB are the most of any of them."""

    title: str
    passed: int = 0
    failed: int = 0
    scrapes: int = 0
    whole_after: float = 0.0
    growth_mib: float = 0.0
    lines: int = 0
    notes: list[str] = dataclasses.field(default_factory=list)


class Report:
    """Notes what a test has seen, under the title of its mark `fault`."""

    def __init__(self, node: Any) -> None:
        self._node = node

    def note(self, endured: Endured, *notes: str) -> None:
        """The figures of one endured fault, and others in words. Plain numbers: a test may run in another process."""
        lines = Counter((turn.resource, turn.scope) for turn in endured.turns)
        figures = {
            "scrapes": len(endured.scrapes),
            "whole_after": endured.whole_after,
            "growth_mib": endured.growth_mib,
            "lines": max(lines.values(), default=0),
        }
        self._node.user_properties.append((_KEY, figures))
        self._node.user_properties.extend((_NOTES, each) for each in notes)


def collected(reporter: Any) -> list[Row]:
    """A row for each fault of the test run, in the order of the tests."""
    rows: dict[str, Row] = {}
    for outcome in ("passed", "failed", "error"):
        for test in reporter.stats.get(outcome, ()):
            told = dict(test.user_properties)
            if "title" not in told:
                continue
            row = rows.setdefault(told["title"], Row(title=told["title"]))
            row.passed += outcome == "passed"
            row.failed += outcome != "passed"
            for figures in (value for key, value in test.user_properties if key == _KEY):
                _add(row, figures)
            row.notes += [value for key, value in test.user_properties if key == _NOTES]
    return list(rows.values())


def _add(row: Row, figures: dict[str, float]) -> None:
    row.scrapes += int(figures["scrapes"])
    row.whole_after = max(row.whole_after, figures["whole_after"])
    row.growth_mib = max(row.growth_mib, figures["growth_mib"])
    row.lines = max(row.lines, int(figures["lines"]))


def table(rows: list[Row]) -> str:
    """Markdown."""
    head = [
        "| fault | tests passed | scrapes answered | recovered after | log lines | memory | notes |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join(
        [
            *head,
            *(
                f"| {row.title} | {row.passed} of {row.passed + row.failed} | {row.scrapes} of {row.scrapes} "
                f"| {row.whole_after:.1f} s | {row.lines} | {row.growth_mib:+.1f} MiB "
                f"| {'; '.join(row.notes)} |"
                for row in rows
            ),
        ]
    )
