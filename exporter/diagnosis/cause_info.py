"""The type of the rows in the table of causes."""

from typing import NamedTuple

__all__ = ["CauseInfo"]


class CauseInfo(NamedTuple):
    """One cause.

    `act`: who can correct it, such as CONTROLLER of cause_texts. `next`: a command, such as DESCRIBE there, with
    placeholders for the names of the object that the finding is about. `grace`: seconds for which the state is
    normal, such as during a start; not a grace period of Kubernetes. `fault`: whether the cause can be a fault.
    `metric`: whether the `*_cause` metrics contain it.
    """

    name: str
    meaning: str
    act: str
    next: str
    grace: float = 0.0
    fault: bool = True
    metric: bool = True
