"""A table at the end: each file of unit tests, and what the promtools said of it."""

import re

import pytest

_CASE = re.compile(r"test_prometheus_finds_that\w+\[(?P<promtool>promtool[-.\d]*)-(?P<file>\w+)\]$")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each file, one column for each promtool."""
    table: dict[str, dict[str, str]] = {}
    for outcome in ("passed", "failed", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            found = _CASE.search(getattr(report, "nodeid", ""))
            if found:
                said = outcome if outcome == "skipped" else f"{outcome} {report.duration:.1f} s"
                table.setdefault(found["file"], {})[found["promtool"]] = said
    if not table:
        return
    promtools = sorted({promtool for row in table.values() for promtool in row})
    terminalreporter.section("unit tests of the rules")
    terminalreporter.line(f"{'':38}" + "".join(f"{name:20}" for name in promtools))
    for name, row in sorted(table.items()):
        terminalreporter.line(f"{name:38}" + "".join(f"{row.get(promtool, ''):20}" for promtool in promtools))
