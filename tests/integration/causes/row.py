"""A row of the table: what makes a fault, and what is to be said of it."""

from collections.abc import Callable
from typing import NamedTuple

from tests.integration.causes.row_run import RowRun

__all__ = ["SHARED", "Alert", "Row"]

SHARED = "agents"
"""The namespace of most runs."""


class Alert(NamedTuple):
    """An alert of the bundle. `label` is the label that names its object, besides the namespace."""

    name: str
    severity: str = ""
    label: str = ""


class Row(NamedTuple):
    """One fault."""

    name: str
    """The name of its run; that of its Job is `NAME-job`."""
    make: Callable[[RowRun], None]
    cause: str
    """The first finding; empty if there is none."""
    evidence: str
    """A part of its evidence."""
    alert: Alert = Alert("")
    """What is delivered; without a name: nothing."""
    told: str = ""
    """A part of the summary; empty: the cause with its evidence."""
    space: str = SHARED
    """Its namespace."""
    is_of_job: bool = False
    """Whether the Job is explained, because the run does not exist."""
    node: str = ""
    """The node that `explain` and the API add to the evidence. No label has it, and so no summary."""

    @property
    def target(self) -> str:
        """The name to explain."""
        return f"{self.name}-job" if self.is_of_job else self.name

    @property
    def labels(self) -> dict[str, str]:
        """The label of its alert that names its object."""
        values = {
            "coderun": self.name,
            "job_name": f"{self.name}-job",
            "configmap": f"controller-agent-templates-{self.name.removeprefix('configmap-')}",
        }
        return {self.alert.label: values[self.alert.label]} if self.alert.label else {}

    @property
    def words(self) -> tuple[str, ...]:
        """What the summary must have."""
        return (self.told,) if self.told else (f"{self.cause} (", self.evidence)
