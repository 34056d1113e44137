"""One file for each resource: its slim record, its table of metric families, the permission it needs.

`RESOURCES` lists them all: the page, the metrics' documentation and the permissions derive from it.
"""

from exporter.resources.coderuns import CODERUNS
from exporter.resources.configmaps import CONFIGMAPS
from exporter.resources.jobs import JOBS

__all__ = ["RESOURCES"]

RESOURCES = (CODERUNS, JOBS, CONFIGMAPS)
