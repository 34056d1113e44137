"""Finds the real components against which some tests run: `make tools` builds them into `.tools/bin`.

A component on PATH is used if the tests support its version.
"""

import dataclasses
import functools
import pathlib
import re
import shutil
import subprocess
from collections.abc import Iterable

__all__ = ["CLUSTER", "MissingComponentError", "component", "find", "how", "title"]

CLUSTER = ("etcd", "kube-apiserver", "kube-controller-manager", "kwok")
"""The components of the cluster in the integration tests."""

PACKAGED = frozenset({"mmdebstrap", "podman", "runc"})
"""The programs that build and run the image; they are in distribution packages of the same names."""

AGENTS = frozenset({"claude", "codex"})
"""The agent CLIs. One on PATH is never used: it has another version, and may be logged in to an account."""

BUILT = pathlib.Path(__file__).resolve().parent.parent / ".tools" / "bin"


class MissingComponentError(LookupError):
    """A component is neither built nor installed. The text names it and says how to get it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Requirement:
    """The executable of a component, and its supported versions: `oldest` or newer, or the prefix `only`."""

    binary: str
    oldest: tuple[int, ...] = ()
    only: tuple[int, ...] = ()

    def accepts(self, version: tuple[int, ...]) -> bool:
        """Whether a version is supported. An executable without a version was built manually and counts as new."""
        return version[: len(self.only)] == self.only if self.only else not version or version >= self.oldest


REQUIREMENTS = {
    "promtool": Requirement(binary="promtool", oldest=(3, 0)),
    "prometheus": Requirement(binary="prometheus", oldest=(3, 0)),
    "promtool-2.42": Requirement(binary="promtool", only=(2, 42)),
    "prometheus-2.42": Requirement(binary="prometheus", only=(2, 42)),
    "amtool": Requirement(binary="amtool", oldest=(0, 27)),
    "alertmanager": Requirement(binary="alertmanager", oldest=(0, 27)),
}
"""The components that must have certain versions."""


def find(name: str) -> pathlib.Path | None:
    """The executable in `.tools/bin`, else one on PATH with a supported version; None if there is none."""
    built = BUILT / name
    if built.is_file():
        return built
    installed = None if name in AGENTS else _executable_on_path(name)
    if installed is None or (name in REQUIREMENTS and not REQUIREMENTS[name].accepts(_version(installed))):
        return None
    return pathlib.Path(installed)


def _executable_on_path(name: str) -> str | None:
    """The executable of the component on PATH, of any version."""
    return shutil.which(REQUIREMENTS[name].binary if name in REQUIREMENTS else name)


@functools.cache
def _version(executable: str) -> tuple[int, ...]:
    """The version in a text such as `NAME, version 2.42.0+ds (...)`; empty if there is none."""
    done = subprocess.run([executable, "--version"], capture_output=True, text=True, timeout=30, check=False)
    found = re.search(r", version (\d+(?:\.\d+)*)", done.stdout + done.stderr)
    return tuple(map(int, found[1].split("."))) if found else ()


def title(name: str) -> str:
    """The component with its supported versions, and the other version on PATH, if any."""
    oldest = REQUIREMENTS[name].oldest if name in REQUIREMENTS else ()
    wanted = f"{name} {'.'.join(map(str, oldest))} or newer" if oldest else name
    installed = _executable_on_path(name) if name not in AGENTS and find(name) is None else None
    return f"{wanted} ({installed} is {'.'.join(map(str, _version(installed)))})" if installed else wanted


def how(names: Iterable[str]) -> str:
    """The commands that install the missing components."""
    packages = sorted(PACKAGED & {*names})
    ways = ["`make tools`"] if {*names} - PACKAGED else []
    if packages:
        ways.append(f"`apt-get install --no-install-recommends {' '.join(packages)}`")
    return "run " + " and ".join(ways)


def component(name: str) -> pathlib.Path:
    """As `find`, but raises MissingComponentError."""
    found = find(name)
    if found is None:
        raise MissingComponentError(f"{title(name)} is not in .tools/bin and not on PATH: {how([name])}")
    return found
