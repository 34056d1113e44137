"""Cached records of Argo Workflows that have not completed, with their open steps, and of WorkflowTemplates."""

import msgspec

__all__ = ["Step", "Workflow", "WorkflowTemplate"]


class Step(msgspec.Struct, gc=False, frozen=True, kw_only=True):
    """A step that has started and not ended: a leaf node of a workflow."""

    name: str
    """The names of the nodes that contain it, and its own, such as `implement.0.create`. Unique in its workflow."""
    template: str = ""
    type: str = ""
    """The type of the node: `Pod`, `HTTP`, `Plugin` or `Container`. A step with a resource template is a `Pod`."""
    started: float | None = None
    resource: str = ""
    """`PLURAL.GROUP` of the run that it waits for; empty if it waits for none."""
    run: str = ""
    """The exposed name of that run, if its manifest names it."""
    prefix: str = ""
    """The beginning of that name, if the manifest has only this."""
    owns: bool = False
    """Whether it creates the run. The run then has the workflow as its owner, if the template sets this."""


class Workflow(msgspec.Struct, gc=False, kw_only=True):
    """An Argo Workflow that has not completed."""

    uid: str
    namespace: str
    name: str
    phase: str = ""
    created: float | None = None
    started: float | None = None
    steps: tuple[Step, ...] = ()
    """The open steps, the oldest first; limited."""
    idle_since: float | None = None
    """The time at which its last node ended, if it is running and no node is open."""
    unreadable: str = ""
    """Why its nodes cannot be read; empty if they can: `offloaded`, `compression`, `too_large`, `malformed`."""


class WorkflowTemplate(msgspec.Struct, gc=False, kw_only=True):
    """An Argo WorkflowTemplate."""

    uid: str
    namespace: str
    name: str
    unbounded: tuple[str, ...] = ()
    """The names of its templates that create a run, or wait for one, and have no time limit; limited."""
