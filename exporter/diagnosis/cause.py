"""A cause from a closed set, with a detail about the object."""

from typing import NamedTuple

from exporter.untrusted import one_line

__all__ = ["Cause"]


class Cause(NamedTuple):
    """`cause` is stable: rules and runbooks refer to it. `detail` is for humans only."""

    cause: str
    detail: str

    @classmethod
    def of(cls, cause: str, detail: str) -> "Cause":
        """With the detail on one line, shortened to the maximum length of a label value."""
        return cls(cause, one_line(detail))
