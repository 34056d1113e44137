"""When a worker that exceeds the default maximum run time is stuck: healthy ones may exceed it."""

__all__ = ["DEFAULT_FACTOR"]

DEFAULT_FACTOR = 4
"""Of the default limit, as in AgentJobHanging. A configured limit is exact."""
