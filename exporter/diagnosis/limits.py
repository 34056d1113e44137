"""When a worker is stuck that has only the default maximum run time."""

__all__ = ["DEFAULT_FACTOR", "SILENT_SECONDS"]

DEFAULT_FACTOR = 4
"""A worker is stuck at four times the default limit, as in AgentJobHanging: healthy workers may exceed the default.

A limit that is configured applies as it is.
"""
SILENT_SECONDS = 7200
"""A worker that exceeds the default limit is critical after this silence of its agent, as in AgentJobHanging."""
