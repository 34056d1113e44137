"""Load on an API server and on an exporter while a test goes on: one client that writes, one that scrapes."""

import http.client
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Self

from tests.integration.exporting import Exporter
from tests.integration.workplace import Workplace

__all__ = ["Scraper", "Seen", "Writer"]

KEPT = 12  # the newest runs of the load are not deleted


class Seen(NamedTuple):
    """One scrape: when it was asked for (monotonic), its status and its page."""

    at: float
    status: int
    page: str


class _Client:
    """Works in a thread of its own until it is over."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=work)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


class Scraper(_Client):
    """Scrapes all the time, and keeps every answer."""

    def __init__(self, exporter: Exporter) -> None:
        self.seen: list[Seen] = []
        self._exporter = exporter
        super().__init__(self._scrape)

    def _scrape(self) -> None:
        while not self._over.wait(0.1):
            at = time.monotonic()
            try:
                answer = self._exporter.get()
                self.seen.append(Seen(at, answer.status, answer.text))
            except OSError as error:  # no answer at all counts against it, and does not end the scraping
                self.seen.append(Seen(at, 0, repr(error)))


class Writer(_Client):
    """Makes, changes and deletes runs and Jobs as fast as one client can, and carries on when the server is back.

    A third of what it makes stays; of the rest the last twelve do.
    """

    def __init__(self, workplace: Workplace) -> None:
        self.writes = 0
        self._workplace = workplace
        super().__init__(self._write)

    def _write(self) -> None:
        for number in itertools.count():
            for write in self._writes(number):
                self._insist(write)
                if self._over.is_set():
                    return

    def _writes(self, number: int) -> Iterator[Callable[[], Any]]:
        """What is to be done one after the other; each may have to be done again."""
        place, name = self._workplace, f"run-{number}"
        yield lambda: place.make_run(name)
        yield lambda: place.make_job(place.ask("GET", f"{place.runs}/{name}"))
        yield lambda: place.start_job(f"{name}-job")
        yield lambda: place.set_phase(name, "Running")
        if number >= KEPT and number % 3:
            old = f"run-{number - KEPT}"
            yield lambda: place.delete_job(f"{old}-job")
            yield lambda: place.delete_run(old)

    def _insist(self, write: Callable[[], Any]) -> None:
        """Until it is done: a write whose answer was lost has been done when it is said to exist, or to be gone."""
        while not self._over.is_set():
            try:
                write()
            except (OSError, http.client.HTTPException):
                self._over.wait(0.05)
            except AssertionError as refusal:
                if str(refusal).startswith(("409", "404")):
                    return
                self._over.wait(0.05)
            else:
                self.writes += 1
                return
