"""Load on an API server and on an exporter while a test goes on: one client that writes, one that scrapes."""

import concurrent.futures
import contextlib
import http.client
import itertools
import json
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Self

from lab.controlplane.plane import ADMIN_TOKEN, ControlPlane
from lab.controlplane.workplace import Workplace
from lab.exporting import Exporter

__all__ = ["Scraper", "Seen", "Writer", "in_bulk"]

_CLIENTS = 4
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


def in_bulk(plane: ControlPlane, asked: Iterable[tuple[str, str, Any]]) -> None:
    """Many requests (method, path, body), by four clients at once; all succeed, in no certain order.

    The body of a PATCH is a merge patch, and a list is a JSON patch.
    """
    requests = list(asked)
    with concurrent.futures.ThreadPoolExecutor(_CLIENTS) as pool:
        parts = [pool.submit(_ask_all, plane, requests[first::_CLIENTS]) for first in range(_CLIENTS)]
    for part in parts:
        part.result()


def _ask_all(plane: ControlPlane, requests: list[tuple[str, str, Any]]) -> None:
    """By one connection: where each request has its own, most of the time goes into greetings."""
    trust = ssl.create_default_context(cafile=plane.ca)
    address = urllib.parse.urlsplit(plane.url)
    to = http.client.HTTPSConnection(str(address.hostname), address.port, context=trust, timeout=30)
    with contextlib.closing(to):
        for method, path, body in requests:
            headers = {"Content-Type": _kind(method, body), "Authorization": f"Bearer {ADMIN_TOKEN}"}
            to.request(method, path, body=json.dumps(body), headers=headers)
            answer = to.getresponse()
            said = answer.read()
            assert answer.status in {200, 201}, f"{method} {path}: {said!r}"


def _kind(method: str, body: Any) -> str:
    if method != "PATCH":
        return "application/json"
    return "application/json-patch+json" if isinstance(body, list) else "application/merge-patch+json"
