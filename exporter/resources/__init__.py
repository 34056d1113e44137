"""One file for each resource: wire type, records, lists and watches, metric families, related objects.

The worker of a run is the object that does its work: a Job, a Pod, or another run.
`RESOURCES` is the registry: metrics, permissions, `check` and the metrics documentation derive from it.
"""

from exporter.resources import coderuns, configmaps, events, job_pods, jobs, pods, workflow_templates, workflows

__all__ = ["RESOURCES"]

RESOURCES = (
    coderuns.RESOURCE,
    jobs.RESOURCE,
    pods.RESOURCE,
    job_pods.RESOURCE,
    events.RESOURCE,
    configmaps.RESOURCE,
    workflows.RESOURCE,
    workflow_templates.RESOURCE,
)
