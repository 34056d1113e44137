"""One file for each resource: its slim record, its table of metric families, the permission it needs.

`RESOURCES` lists them all: the page and the metrics' documentation derive from it. The permissions do not:
`exporter.rbac` makes them of each resource's rule and of the settings.
"""

from exporter.resources.coderuns import CODERUNS
from exporter.resources.configmaps import CONFIGMAPS
from exporter.resources.jobs import JOBS

__all__ = ["RESOURCES"]

RESOURCES = (CODERUNS, JOBS, CONFIGMAPS)
