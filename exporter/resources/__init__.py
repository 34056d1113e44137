"""One file for each resource: wire type, records, lists and watches, families, and what a change affects.

`RESOURCES` lists them all: the page, the permissions, `check` and the documentation of the metrics derive from it.
"""

from exporter.resources import coderuns, configmaps, jobs, pods

__all__ = ["RESOURCES"]

RESOURCES = (coderuns.RESOURCE, jobs.RESOURCE, pods.RESOURCE, configmaps.RESOURCE)
