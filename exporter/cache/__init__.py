"""In-memory cache of runs, Jobs and ConfigMaps, joined by owner UID.

All code here is synchronous, so that readers always see a consistent state.
"""

from exporter.cache.change import Change, Key
from exporter.cache.object_cache import CODERUNS, CONFIGMAPS, JOBS, ObjectCache
from exporter.cache.records import ConfigMap, Job, Record, Run, named_key
from exporter.cache.table import Table
from exporter.cache.thresholds import NEVER, Thresholds

__all__ = [
    "CODERUNS",
    "CONFIGMAPS",
    "JOBS",
    "NEVER",
    "Change",
    "ConfigMap",
    "Job",
    "Key",
    "ObjectCache",
    "Record",
    "Run",
    "Table",
    "Thresholds",
    "named_key",
]
