"""In-memory cache of runs, Jobs, Pods, Events and ConfigMaps, joined by owner UID.

All code here is synchronous, so that readers always see a consistent state. The worker of a run is the object that
does its work: a Job, a Pod, or another run. The record `Job` is a Job or a worker Pod.
"""

from exporter.cache.change import (
    CODERUNS,
    CONFIGMAPS,
    EVENTS,
    JOBS,
    LOGS,
    PODS,
    WORKFLOW_TEMPLATES,
    WORKFLOWS,
    Change,
    Key,
)
from exporter.cache.logs import ContainerLog
from exporter.cache.object_cache import ObjectCache
from exporter.cache.pod_records import RUNNING, SUCCEEDED, Container, Event, Pod
from exporter.cache.records import CONFIGMAP_LIMIT, ConfigMap, Job, Record, Run, named_key
from exporter.cache.repeats import COMBINED
from exporter.cache.table import Table
from exporter.cache.thresholds import NEVER, Thresholds
from exporter.cache.workflow_records import Step, Workflow, WorkflowTemplate

__all__ = [
    "CODERUNS",
    "COMBINED",
    "CONFIGMAPS",
    "CONFIGMAP_LIMIT",
    "EVENTS",
    "JOBS",
    "LOGS",
    "NEVER",
    "PODS",
    "RUNNING",
    "SUCCEEDED",
    "WORKFLOWS",
    "WORKFLOW_TEMPLATES",
    "Change",
    "ConfigMap",
    "Container",
    "ContainerLog",
    "Event",
    "Job",
    "Key",
    "ObjectCache",
    "Pod",
    "Record",
    "Run",
    "Step",
    "Table",
    "Thresholds",
    "Workflow",
    "WorkflowTemplate",
    "named_key",
]
