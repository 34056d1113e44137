"""The namespaces in which logs cannot be read. They are tried again after a minute."""

from collections.abc import Iterable

from exporter.notices import Notices

__all__ = ["Pauses"]

_PAUSE_SECONDS = 60.0
_ALL_NAMESPACES = ""
_UNAUTHORIZED = "401"


class Pauses:
    """A 403 pauses its namespace, because permissions are granted by namespace. A 401 pauses all namespaces."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._until: dict[str, float] = {}

    def begin(self, namespace: str, *, code: str, now: float) -> None:
        """Pauses after a request was rejected with this status code."""
        self._until[_ALL_NAMESPACES if code == _UNAUTHORIZED else namespace] = now + _PAUSE_SECONDS
        self._notify()

    def end(self, namespace: str) -> None:
        """Ends the pauses after a log was read in this namespace."""
        if self._until and [self._until.pop(name, None) for name in (_ALL_NAMESPACES, namespace)] != [None, None]:
            self._notify()

    def keep(self, namespaces: Iterable[str]) -> None:
        """Forgets the namespaces in which no log is read any more."""
        if self._until and (gone := self._until.keys() - {*namespaces, _ALL_NAMESPACES}):
            for name in gone:
                del self._until[name]
            self._notify()

    def until(self, namespace: str, *, now: float) -> float | None:
        """The end of the pause; None if there is none."""
        ends = [self._until.get(name, now) for name in (_ALL_NAMESPACES, namespace)]
        return max(ends) if now < max(ends) <= now + _PAUSE_SECONDS else None

    def _notify(self) -> None:
        """Sets one notice for all paused namespaces; it names one of them."""
        names = sorted(self._until.keys() - {_ALL_NAMESPACES})
        text = "Logs: the API server does not accept the credentials" if _ALL_NAMESPACES in self._until else ""
        if names and not text:
            others = f" and {len(names) - 1} more" if names[1:] else ""
            text = f"Logs cannot be read in namespace {names[0]}{others}: permit to get pods/log"
        self._notices.set("logs", text)
