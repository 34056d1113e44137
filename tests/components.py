"""Where the real components are that some tests run against: `make tools` builds them into `.tools/bin`."""

import pathlib
import shutil
from collections.abc import Iterable

__all__ = ["CLUSTER", "MissingComponentError", "component", "find", "how"]

CLUSTER = ("etcd", "kube-apiserver", "kube-controller-manager", "kwok")
"""What the cluster of the integration tests is made of."""

PACKAGED = frozenset({"mmdebstrap", "podman", "runc"})
"""What the image is built and run by comes from the distribution's packages of the same names."""

BUILT = pathlib.Path(__file__).resolve().parent.parent / ".tools" / "bin"


class MissingComponentError(LookupError):
    """A component is neither built nor installed; its text names it and says how to get it."""


def find(name: str) -> pathlib.Path | None:
    """The executable `name` of `.tools/bin`, else of PATH; None where there is none."""
    built = BUILT / name
    if built.is_file():
        return built
    installed = shutil.which(name)
    return pathlib.Path(installed) if installed else None


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
        raise MissingComponentError(f"{name} is not in .tools/bin and not on PATH: {how([name])}")
    return found
