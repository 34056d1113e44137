"""Load on an API server and an exporter during a test: a client that writes objects, and one that scrapes."""

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
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.exporting import Exporter

__all__ = ["Scraper", "Seen", "Writer", "in_bulk"]

_CLIENTS = 4
KEPT = 12  # the newest runs of the load, which are not deleted


class Seen(NamedTuple):
    """A scrape: the time of its request (monotonic), its status, and the response text."""

    at: float
    status: int
    page: str


class _Client:
    """Works in its own thread while the context is open."""

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
    """Scrapes continuously, and records every response."""

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
            except OSError as error:  # a failed scrape is recorded, and scraping continues
                self.seen.append(Seen(at, 0, repr(error)))


class Writer(_Client):
    """Creates, changes and deletes runs and Jobs as fast as one client can. It retries while the server is down.

    It never deletes a third of its objects. It deletes the others when they are no longer among the newest twelve.
    """

    def __init__(self, namespace: PlatformNamespace) -> None:
        self.writes = 0
        self._namespace = namespace
        super().__init__(self._write)

    def _write(self) -> None:
        for number in itertools.count():
            for write in self._writes(number):
                self._insist(write)
                if self._over.is_set():
                    return

    def _writes(self, number: int) -> Iterator[Callable[[], Any]]:
        """Writes in their order. Each of them may be repeated."""
        platform, name = self._namespace, f"run-{number}"
        yield lambda: platform.make_run(name)
        yield lambda: platform.make_job(platform.ask("GET", f"{platform.runs}/{name}"))
        yield lambda: platform.start_job(f"{name}-job")
        yield lambda: platform.set_phase(name, "Running")
        if number >= KEPT and number % 3:
            old = f"run-{number - KEPT}"
            yield lambda: platform.delete_job(f"{old}-job")
            yield lambda: platform.delete_run(old)

    def _insist(self, write: Callable[[], Any]) -> None:
        """Repeats a write until it succeeds. If its response was lost, a 409 or 404 says that it has succeeded."""
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


def in_bulk(plane: ControlPlane, requested: Iterable[tuple[str, str, Any]]) -> None:
    """Sends requests (method, path, body) with four clients at once. All must succeed, in any order.

    The body of a PATCH is a merge patch, and a list is a JSON patch.
    """
    requests = list(requested)
    with concurrent.futures.ThreadPoolExecutor(_CLIENTS) as pool:
        parts = [pool.submit(_ask_all, plane, requests[first::_CLIENTS]) for first in range(_CLIENTS)]
    for part in parts:
        part.result()


def _ask_all(plane: ControlPlane, requests: list[tuple[str, str, Any]]) -> None:
    """Uses one connection for all requests. With one for each, most of the time is spent in TLS handshakes."""
    trust = ssl.create_default_context(cafile=plane.ca)
    address = urllib.parse.urlsplit(plane.url)
    to = http.client.HTTPSConnection(str(address.hostname), address.port, context=trust, timeout=30)
    with contextlib.closing(to):
        for method, path, body in requests:
            headers = {"Content-Type": _kind(method, body), "Authorization": f"Bearer {ADMIN_TOKEN}"}
            to.request(method, path, body=json.dumps(body), headers=headers)
            answer = to.getresponse()
            text = answer.read()
            assert answer.status in {200, 201}, f"{method} {path}: {text!r}"


def _kind(method: str, body: Any) -> str:
    if method != "PATCH":
        return "application/json"
    return "application/json-patch+json" if isinstance(body, list) else "application/merge-patch+json"
