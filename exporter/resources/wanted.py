"""The settings that determine what is listed and watched."""

import dataclasses
from collections.abc import Mapping, Sequence

from exporter.resources.kinds import RunKind
from exporter.resources.required import RequiredConfigMap

__all__ = ["WatchConfig"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class WatchConfig:
    """What to list and watch. `kinds` are all kinds of runs, including kinds whose runs are Jobs."""

    kinds: Sequence[RunKind]
    scopes: Sequence[str | None] = (None,)
    """The namespaces to read; None: all namespaces."""
    labels: str = ""
    """The label selector of runs and their workers."""
    match_labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Jobs with all these labels are exposed, even if no run controls them."""
    configmaps: Sequence[RequiredConfigMap] = ()
    pods: bool = True
    """Whether to read the Pods of Jobs."""
    events: bool = True
    """Whether to read Events."""
    logs: bool = False
    """Whether to read the logs of main containers."""
    workflows: bool = False
    """Whether to read Argo Workflows and WorkflowTemplates."""

    @property
    def custom_kinds(self) -> list[RunKind]:
        """The kinds whose runs are custom resources. The first is the main one."""
        return [kind for kind in self.kinds if not kind.is_job]
