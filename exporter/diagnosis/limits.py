"""When a worker is stuck that has only the default maximum run time."""

__all__ = ["DEFAULT_FACTOR"]

DEFAULT_FACTOR = 4
"""A worker is stuck at four times the default limit, as in AgentJobHanging: healthy workers may exceed the default.

A limit that is configured applies as it is.
"""
