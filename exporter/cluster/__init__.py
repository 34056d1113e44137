"""The picture of the cluster: slim records, joined by owner UID.

Synchronous: no `await` inside, so that whoever looks sees a whole.
"""

from exporter.cluster.change import Change, Key
from exporter.cluster.cluster import CODERUNS, CONFIGMAPS, JOBS, Cluster
from exporter.cluster.policy import NEVER, Policy
from exporter.cluster.records import ConfigMap, Job, Record, Run, named_key
from exporter.cluster.table import Table

__all__ = [
    "CODERUNS",
    "CONFIGMAPS",
    "JOBS",
    "NEVER",
    "Change",
    "Cluster",
    "ConfigMap",
    "Job",
    "Key",
    "Policy",
    "Record",
    "Run",
    "Table",
    "named_key",
]
