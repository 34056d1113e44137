"""The kinds of runs: custom resources that a controller turns into Jobs."""

import dataclasses

__all__ = ["RunKind"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunKind:
    """One kind of run.

    A run of a kind that is not the `main` one carries its kind in its name on the page (`docsrun/NAME`, which
    kubectl takes as it is): two kinds may use one name, and two series may not.
    """

    group: str
    version: str
    plural: str
    kind: str
    main: bool = True

    def shown(self, name: str) -> str:
        """A run's name on the page."""
        return name if self.main else f"{self.kind.lower()}/{name}"

    def path(self, namespace: str | None) -> str:
        """Where its objects are listed; None: in all namespaces."""
        inside = f"/namespaces/{namespace}" if namespace else ""
        return f"/apis/{self.group}/{self.version}{inside}/{self.plural}"
