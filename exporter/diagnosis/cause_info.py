"""The type of the rows in the table of causes, and texts that findings use as well."""

from typing import Final, NamedTuple

__all__ = ["DESCRIBE", "IMAGE", "CauseInfo"]

DESCRIBE: Final = "kubectl -n $namespace describe $resource $name"
IMAGE: Final = "who owns the image or the agent"
"""The people who can correct a container that cannot run with its image."""


class CauseInfo(NamedTuple):
    """One cause. `next` is a command, with placeholders for the names of the object that the finding is about.

    `grace`: seconds for which the state is normal, for example during a start. `fault`: whether the cause can be a
    fault. `metric`: whether the `*_cause` metrics contain it.
    """

    name: str
    meaning: str
    act: str
    next: str
    grace: float = 0.0
    fault: bool = True
    metric: bool = True
