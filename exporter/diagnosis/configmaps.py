"""Required ConfigMaps that explain why a run has no worker (no Job or Pod)."""

from collections.abc import Iterator

from exporter.cache import ConfigMap, ObjectCache, Run
from exporter.diagnosis.finding import Finding, Subject, found

__all__ = ["CLIS", "DEFAULT_CLI", "configmap_findings", "configmap_notes"]

CLIS = frozenset(
    {"claude", "codex", "cursor", "factory", "gemini", "opencode", "kimi", "copilot", "dexter", "code", "openclaw"}
)
DEFAULT_CLI = "claude"  # the default of the November 2025 controller


def configmap_findings(run: Run, cache: ObjectCache) -> Iterator[Finding]:
    """A finding for each broken ConfigMap that this run needs, with its first problem."""
    for item in _needed(run, cache):
        if item.problems:
            problem, key = item.problems[0]
            yield _finding(f"configmap_{problem}", item, f" key {key}" if key else "")


def configmap_notes(run: Run, cache: ObjectCache) -> Iterator[Finding]:
    """A finding for each ConfigMap that this run needs and that has shrunk, or is near the size limit."""
    for item in _needed(run, cache):
        if item.shrunk and not item.problems:
            yield _finding("configmap_shrunk", item, f" has {item.keys} keys, {item.size} bytes")
        if item.near_limit:
            yield _finding("configmap_near_limit", item, f" has {item.size} bytes of at most 1048576")


def _needed(run: Run, cache: ObjectCache) -> list[ConfigMap]:
    if not run.requires_configmaps:
        return []
    return sorted((item for item in cache.configmaps if _concerns(item, run)), key=lambda item: item.name)


def _concerns(item: ConfigMap, run: Run) -> bool:
    """Whether this run may need the ConfigMap. If its name contains a CLI, only runs of that CLI need it."""
    clis = CLIS.intersection(item.name.split("-"))
    return not clis or not clis.isdisjoint((run.cli or DEFAULT_CLI).split("-"))


def _finding(cause: str, item: ConfigMap, rest: str) -> Finding:
    name = f"{item.namespace}/{item.name}"
    return found(cause, name + rest, about=Subject("configmap", item.namespace, item.name))
