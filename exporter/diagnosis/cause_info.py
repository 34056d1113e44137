"""A row of the table of causes."""

import string
from typing import NamedTuple

__all__ = ["CauseInfo"]


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

    def command(self, **names: str) -> str:
        """The next command. The names must be quoted."""
        return string.Template(self.next).substitute(names).rstrip()
