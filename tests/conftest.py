"""What every test may use: the marker `needs`, which asks for real components by name."""

import os

import pytest

from lab import components

_FIRST = (
    "tests/image/",
    "tests/tools/worlds/",
    "tests/tools/dashboards/",
    "tests/integration/",
    "tests/property/test_sequences",
    "tests/lab/test_replay",
    "tests/test_ending",
)
"""The files that take longest: whichever begins last, the other workers wait for it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts these files first; `--no-loadscope-reorder` keeps the order."""
    items.sort(key=lambda item: [item.nodeid.startswith(path) for path in _FIRST], reverse=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a component that is not here; fail it where REQUIRE_COMPONENTS=1 promises them all."""
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
