"""Where the real components are that some tests run against: `make tools` builds them into `.tools/bin`.

What is on PATH instead has to be of a version that the tests are written for.
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
"""What the cluster of the integration tests is made of."""

PACKAGED = frozenset({"mmdebstrap", "podman", "runc"})
"""What the image is built and run by comes from the distribution's packages of the same names."""

BUILT = pathlib.Path(__file__).resolve().parent.parent / ".tools" / "bin"


class MissingComponentError(LookupError):
    """A component is neither built nor installed; its text names it and says how to get it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """The executable of a component, and its versions: `oldest` or newer, or only those that begin with `only`."""

    binary: str
    oldest: tuple[int, ...] = ()
    only: tuple[int, ...] = ()

    def accepts(self, version: tuple[int, ...]) -> bool:
        """Whether this version will do. One that says no version was built by hand: it is taken for a new one."""
        return version[: len(self.only)] == self.only if self.only else not version or version >= self.oldest


WANTED = {
    "promtool": Wanted(binary="promtool", oldest=(3, 0)),
    "prometheus": Wanted(binary="prometheus", oldest=(3, 0)),
    "promtool-2.42": Wanted(binary="promtool", only=(2, 42)),
    "prometheus-2.42": Wanted(binary="prometheus", only=(2, 42)),
    "amtool": Wanted(binary="amtool", oldest=(0, 27)),
    "alertmanager": Wanted(binary="alertmanager", oldest=(0, 27)),
}
"""The components of which not every version will do."""


def find(name: str) -> pathlib.Path | None:
    """The executable of `.tools/bin`, else one of PATH whose version will do; None where there is none."""
    built = BUILT / name
    if built.is_file():
        return built
    installed = _installed(name)
    if installed is None or (name in WANTED and not WANTED[name].accepts(_version(installed))):
        return None
    return pathlib.Path(installed)


def _installed(name: str) -> str | None:
    """What of that component is on PATH, of whatever version."""
    return shutil.which(WANTED[name].binary if name in WANTED else name)


@functools.cache
def _version(executable: str) -> tuple[int, ...]:
    """As `NAME, version 2.42.0+ds (...)` has it; empty where it says none."""
    done = subprocess.run([executable, "--version"], capture_output=True, text=True, timeout=30, check=False)
    found = re.search(r", version (\d+(?:\.\d+)*)", done.stdout + done.stderr)
    return tuple(map(int, found[1].split("."))) if found else ()


def title(name: str) -> str:
    """The component with the versions that will do, and the other version that is on PATH, if there is one."""
    oldest = WANTED[name].oldest if name in WANTED else ()
    wanted = f"{name} {'.'.join(map(str, oldest))} or newer" if oldest else name
    installed = _installed(name) if find(name) is None else None
    return f"{wanted} ({installed} is {'.'.join(map(str, _version(installed)))})" if installed else wanted


def how(names: Iterable[str]) -> str:
    """How to get what is missing, as the commands to run."""
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
