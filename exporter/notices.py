"""What somebody should know of the settings and no metric says: shown at `/`, and logged once."""

import logging

__all__ = ["Notices"]

_log = logging.getLogger(__name__)


class Notices:
    """One line for each subject, for as long as it is true."""

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}
        self._logged: set[str] = set()

    @property
    def lines(self) -> list[str]:
        """Those that are true now."""
        return list(self._lines.values())

    def set(self, subject: str, line: str, *, level: int = logging.WARNING) -> None:
        """This is true of the subject now; an empty line: nothing is to be said of it."""
        if not line:
            self._lines.pop(subject, None)
            return
        self._lines[subject] = line
        if line not in self._logged:
            self._logged.add(line)
            _log.log(level, line)
