"""The marker `needs` for all tests: it names the real components that a test requires."""

import os

import pytest

from lab import components

_FIRST = (
    "tests/rules/test_promtool",  # minutes of CPU time if promtool is installed
    "tests/tools/test_victoriametrics",
    "tests/image/",
    "tests/tools/worlds/",
    "tests/tools/dashboards/",
    "tests/integration/",
    "tests/property/test_sequences",
    "tests/lab/test_replay",
    "tests/test_ending",
)
"""The slowest test files. They start first, so that no pytest worker is left with a slow file at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs the slowest files first. The option `--no-loadscope-reorder` keeps this order."""
    items.sort(key=lambda item: [item.nodeid.startswith(path) for path in _FIRST], reverse=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test whose components are not installed. With REQUIRE_COMPONENTS=1 it fails instead."""
    needed = [name for mark in item.iter_markers("needs") for name in mark.args]
    if "control_plane" in getattr(item, "fixturenames", ()):
        needed = [*components.CLUSTER, *needed]
    missing = [name for name in dict.fromkeys(needed) if components.find(name) is None]
    if not missing:
        return
    reason = f"needs {', '.join(map(components.title, missing))}, which is not here: {components.how(missing)}"
    if os.environ.get("REQUIRE_COMPONENTS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
