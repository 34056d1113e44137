"""A component on PATH is used only if the tests support its version."""

import pytest

from lab import components
from lab.components import MissingComponentError, component, find, title


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs an executable that prints this version. PATH has no other components, and none is built."""
    monkeypatch.setattr(components, "BUILT", tmp_path / "built")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    components._version.cache_clear()

    def install(name, output):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\necho '{output}'\n")
        path.chmod(0o755)
        components._version.cache_clear()
        return path

    yield install
    components._version.cache_clear()


@pytest.mark.parametrize(
    ("version", "used"),
    [
        ("2.42.0+ds (branch: debian/sid)", ["promtool-2.42"]),
        ("2.42.1", ["promtool-2.42"]),
        ("2.53.0", []),
        ("3.0.0-rc.1", ["promtool"]),
        ("3.14.1 (branch: HEAD)", ["promtool"]),
        (" (branch: , revision: unknown)", ["promtool"]),
    ],
)
def test_a_version_decides_which_component_it_is(installed, version, used):
    """The oldest supported Prometheus is a separate component. A binary without a version is a local build."""
    path = installed("promtool", f"promtool, version {version}")
    assert [name for name in ("promtool", "promtool-2.42") if find(name) == path] == used


@pytest.mark.parametrize(("version", "used"), [("0.25.0", False), ("0.27.0", True), ("0.28.1", True)])
def test_an_alertmanager_that_is_too_old_is_not_used(installed, version, used):
    """Debian has 0.25."""
    installed("amtool", f"amtool, version {version} (branch: debian/sid)")
    assert (find("amtool") is not None) == used


def test_a_component_that_is_too_old_is_named_with_both_versions(installed):
    """They are in the error, and in the reason for which a test is skipped."""
    path = installed("promtool", "promtool, version 2.42.0")
    with pytest.raises(MissingComponentError) as caught:
        component("promtool")
    assert str(caught.value) == (
        f"promtool 3.0 or newer ({path} is 2.42.0) is not in .tools/bin and not on PATH: run `make tools`"
    )
    path.unlink()
    assert title("promtool") == "promtool 3.0 or newer"
    installed("promtool", "promtool, version 3.14.0")
    assert title("promtool-2.42") == f"promtool-2.42 ({path} is 3.14.0)"


def test_a_built_component_is_used_before_path(installed, tmp_path):
    """Its version is not checked, because its sources are pinned."""
    installed("promtool", "promtool, version 3.14.0")
    built = tmp_path / "built" / "promtool"
    built.parent.mkdir()
    built.touch()
    assert find("promtool") == built


def test_an_agent_cli_on_path_is_not_used(installed):
    """It may be logged in to an account."""
    installed("claude", "2.1.197 (Claude Code)")
    assert find("claude") is None
    assert title("claude") == "claude"
