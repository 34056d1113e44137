"""A cause as the labels of a metric: its name, from a closed set, and a detail about the object."""

from typing import NamedTuple

from exporter.untrusted import one_line

__all__ = ["Cause"]


class Cause(NamedTuple):
    """The labels of a cause. Rules and runbooks refer to `cause`, so it must not change; `detail` may."""

    cause: str
    detail: str

    @classmethod
    def of(cls, cause: str, detail: str) -> "Cause":
        """The cause, with the detail on one line, shortened to the maximum length of a label value."""
        return cls(cause, one_line(detail))
