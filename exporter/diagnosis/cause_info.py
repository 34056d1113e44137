"""A row of the table of causes, and words that findings share with the table."""

from typing import Final, NamedTuple

__all__ = ["DESCRIBE", "IMAGE", "CauseInfo"]

DESCRIBE: Final = "kubectl -n $namespace describe $resource $name"
IMAGE: Final = "who owns the image or the agent"
"""Who must act on a container that does not fit its image."""


class CauseInfo(NamedTuple):
    """One cause. `next` is a command with places for the names of the object that the finding is about.

    `grace`: seconds for which the state is normal, as during a start. `fault`: whether it is a fault at all.
    `metric`: whether the `*_cause` metrics have it.
    """

    name: str
    meaning: str
    act: str
    next: str
    grace: float = 0.0
    fault: bool = True
    metric: bool = True
