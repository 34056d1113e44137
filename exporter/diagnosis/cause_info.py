"""The type of the rows in the table of causes."""

from typing import NamedTuple

__all__ = ["CauseInfo"]


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
