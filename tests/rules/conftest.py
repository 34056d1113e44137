"""Prints a table of the unit tests of the rules: the result of each file by each tool."""

import re

import pytest

_CASE = re.compile(r"test_\w+_finds_that\w+\[(?P<tool>promtool[-.\d]*|vmalert-tool)-(?P<file>\w+)\]$")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table has a row for each test file and a column for each tool."""
    table: dict[str, dict[str, str]] = {}
    for outcome in ("passed", "failed", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            case = _CASE.search(getattr(report, "nodeid", ""))
            if case:
                result = outcome if outcome == "skipped" else f"{outcome} {report.duration:.1f} s"
                table.setdefault(case["file"], {})[case["tool"]] = result
    if not table:
        return
    tools = sorted({tool for row in table.values() for tool in row})
    terminalreporter.section("unit tests of the rules")
    terminalreporter.line(f"{'':38}" + "".join(f"{name:20}" for name in tools))
    for name, row in sorted(table.items()):
        terminalreporter.line(f"{name:38}" + "".join(f"{row.get(tool, ''):20}" for tool in tools))
