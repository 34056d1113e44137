"""Where the real components are that some tests run against: `make tools` builds them into `.tools/bin`."""

import pathlib
import shutil

__all__ = ["CLUSTER", "MissingComponentError", "component", "find"]

CLUSTER = ("etcd", "kube-apiserver", "kube-controller-manager", "kwok")
"""What the cluster of the integration tests is made of."""

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


def component(name: str) -> pathlib.Path:
    """As `find`, but raises MissingComponentError."""
    found = find(name)
    if found is None:
        raise MissingComponentError(f"{name} is not in .tools/bin and not on PATH: run `make tools`")
    return found
