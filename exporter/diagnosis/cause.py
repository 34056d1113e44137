"""What is wrong, as a word of a closed set and a few words about which object."""

from typing import NamedTuple

from exporter.untrusted import one_line

__all__ = ["Cause"]


class Cause(NamedTuple):
    """`cause` is an API: rules and runbooks name it. `detail` is for people only."""

    cause: str
    detail: str

    @classmethod
    def of(cls, cause: str, detail: str) -> "Cause":
        """With the detail on one line, cut to what a label may hold."""
        return cls(cause, one_line(detail))
