"""Notices about settings that do not fit the cluster: shown on the status page, and logged once."""

import logging

__all__ = ["Notices"]

_log = logging.getLogger(__name__)


class Notices:
    """One line for each subject, while it applies."""

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}
        self._logged: set[str] = set()

    @property
    def lines(self) -> list[str]:
        """The current notices."""
        return list(self._lines.values())

    def set(self, subject: str, line: str, *, level: int = logging.WARNING) -> None:
        """Sets the notice of the subject; an empty line removes it."""
        if not line:
            self._lines.pop(subject, None)
            return
        self._lines[subject] = line
        if line not in self._logged:
            self._logged.add(line)
            _log.log(level, line)
