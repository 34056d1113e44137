"""The kinds of runs: custom resources that a controller turns into Jobs."""

import dataclasses
from collections.abc import Mapping, Sequence

__all__ = ["RunKind", "StateMap", "default_requires_configmaps", "default_states"]

_OF_CODERUNS = {"": "open", "Pending": "open", "Running": "open", "Succeeded": "succeeded", "Failed": "failed"}
_OF_BOLTRUNS = _OF_CODERUNS | {"Initializing": "open", "Cancelled": "cancelled"}
_OF_OTHERS = _OF_CODERUNS | {"Completed": "succeeded", "Cancelled": "cancelled"}

# The platform's own kinds: the phases that its controllers write, by PLURAL.GROUP.
_PHASES = {
    "coderuns.agents.platform": _OF_CODERUNS,
    "docsruns.agents.platform": _OF_CODERUNS,
    "coderuns.orchestrator.platform": _OF_CODERUNS,
    "docsruns.orchestrator.platform": _OF_CODERUNS,
    "boltruns.cto.5dlabs.ai": _OF_BOLTRUNS,
}
_NEED_CONFIGMAPS = frozenset(name for name in _PHASES if not name.startswith("boltruns."))


@dataclasses.dataclass(frozen=True, kw_only=True)
class StateMap:
    """From the values of `.status.phase` to states; the empty text stands for no phase."""

    states: Mapping[str, str]

    def of(self, phase: str) -> str:
        """The state. A value that is not listed is open: unknown is not over."""
        return self.states.get(phase, "open")

    def label(self, phase: str) -> str:
        """The phase as a label: a listed value, `none` where there is no phase, else `other`."""
        if not phase:
            return "none"
        return phase if phase in self.states else "other"


def default_states(plural: str, group: str) -> StateMap:
    """The state map of a kind for which the settings give none."""
    return StateMap(states=_PHASES.get(f"{plural}.{group}", _OF_OTHERS))


def default_requires_configmaps(plural: str, group: str) -> bool:
    """Whether the controller of a kind fills Jobs from the required ConfigMaps."""
    return f"{plural}.{group}" in _NEED_CONFIGMAPS


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunKind:
    """One kind of run.

    A run of a kind that is not the `main` one carries its kind in its name on the page (`docsrun/NAME`, which
    kubectl accepts): two kinds may use one name, and two series may not.
    """

    group: str
    version: str
    plural: str
    kind: str
    main: bool = True
    states: StateMap = StateMap(states=_OF_CODERUNS)
    requires_configmaps: bool = True
    """Whether a broken required ConfigMap may be why a run of this kind has no Job."""
    undecodable_when_empty: Sequence[str] = ()
    """Fields of the spec that make the controller's whole list undecodable where they are there and empty."""

    @property
    def resource(self) -> str:
        """`PLURAL.GROUP`."""
        return f"{self.plural}.{self.group}"

    def shown(self, name: str) -> str:
        """A run's name on the page."""
        return name if self.main else f"{self.kind.lower()}/{name}"

    def path(self, namespace: str | None) -> str:
        """Where its objects are listed; None: in all namespaces."""
        inside = f"/namespaces/{namespace}" if namespace else ""
        return f"/apis/{self.group}/{self.version}{inside}/{self.plural}"
