"""Two generations of the agent platform: November 2025 and the newest stored version.

Source: the charts and the controller of github.com/5dlabs/cto.
"""

import dataclasses

__all__ = ["GROUP", "NEWEST", "NOVEMBER", "Generation"]

GROUP = "agents.platform"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Generation:
    """The locations of the platform's objects, and the behavior of its controller."""

    namespace: str
    service: str
    """The repository of its runs."""
    template_configmaps: bool
    """Whether templates are in ConfigMaps. If not, they are in the controller's image."""
    deadline_seconds: int | None = None
    """activeDeadlineSeconds of its Jobs."""
    ttl_seconds: int | None = None
    """ttlSecondsAfterFinished of its Jobs."""

    @property
    def runs(self) -> str:
        """The path of its CodeRuns."""
        return f"/apis/{GROUP}/v1/namespaces/{self.namespace}/coderuns"

    @property
    def jobs(self) -> str:
        """The path of its Jobs."""
        return f"/apis/batch/v1/namespaces/{self.namespace}/jobs"

    @property
    def pods(self) -> str:
        """The path of its pods."""
        return f"/api/v1/namespaces/{self.namespace}/pods"

    @property
    def events(self) -> str:
        """The path of its Events."""
        return f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"

    @property
    def configmaps(self) -> str:
        """The path of its ConfigMaps."""
        return f"/api/v1/namespaces/{self.namespace}/configmaps"


NOVEMBER = Generation(namespace="agent-platform", service="cto-parallel-test", template_configmaps=True)
"""The generation of the incidents: after a template error, a run has a finalizer and no status."""
NEWEST = Generation(
    namespace="cto", service="my-proj", template_configmaps=False, deadline_seconds=86400, ttl_seconds=3600
)
"""The newest stored version: after a template error, a run is Failed, with a message."""
