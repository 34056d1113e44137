"""A process whose clients scrape like Prometheus, each over a persistent connection.

`python -m tools.soak.scrapers HOST:PORT CLIENTS LEAST MOST` runs until its standard input is closed. LEAST and MOST
are the minimum and maximum number of runs in a response. Prints each scrape as a line of JSON.
"""

import gzip
import http.client
import os
import sys
import threading
import time
from typing import NamedTuple

import msgspec

__all__ = ["FORMS", "TIMEOUT_SECONDS", "Form", "Seen", "seen_on"]

TIMEOUT_SECONDS = 10.0
"""The default `scrape_timeout` of Prometheus."""
_PAUSES = (1.0, 5.0)
_DELAY = "coderun_exporter_event_loop_delay_seconds"


class Form(NamedTuple):
    """A format and an encoding: the request headers, and the expected Content-Type and end of the response."""

    name: str
    accept: str
    encoding: str
    content_type: str
    end: bytes


_TEXT = ("text/plain;version=0.0.4", "text/plain", b"\n")
_OPENMETRICS = (
    "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.5",
    "application/openmetrics-text",
    b"\n# EOF\n",
)
FORMS = tuple(
    Form(name=f"{name}, {encoding}", accept=accept, encoding=encoding, content_type=kind, end=end)
    for encoding in ("gzip", "identity")
    for name, (accept, kind, end) in (("text", _TEXT), ("OpenMetrics", _OPENMETRICS))
)


class Seen(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A scrape: its start (monotonic clock), its duration in seconds, and values of the exporter's own metrics.

    `problem` is empty if the scrape succeeded. `wire` is the size of the body in bytes as sent, `late` has the
    buckets of the event loop delay, and `errors` the number of failed requests by code.
    """

    at: float
    seconds: float
    form: str
    client: int
    problem: str = ""
    wire: int = 0
    memory: float = 0.0
    tasks: float = 0.0
    descriptors: float = 0.0
    requests: float = 0.0
    errors: dict[str, float] = {}
    late: dict[str, float] = {}


def seen_on(exposition: bytes, seen: Seen, *, form: Form, least: int, most: int) -> None:
    """Sets the fields of `seen` from a response, and `problem` if the response is incomplete."""
    if not exposition.endswith(form.end):
        seen.problem = f"the page ends in {exposition[-20:]!r}"
        return
    runs = _section(exposition, exposition.find(b"# TYPE coderun_created_timestamp ")).count(b"\n")
    if not least <= runs <= most:
        seen.problem = f"{runs} runs on the page instead of {least} to {most}"
    seen.memory = sum(_values(exposition, "process_resident_memory_bytes").values())
    seen.descriptors = sum(_values(exposition, "process_open_fds").values())
    seen.tasks = sum(_values(exposition, "coderun_exporter_event_loop_tasks").values())
    seen.requests = sum(_values(exposition, "coderun_exporter_requests").values())
    for series, value in _values(exposition, "coderun_exporter_errors").items():
        code = _label(series, "code")
        seen.errors[code] = seen.errors.get(code, 0.0) + value
    late = _values(exposition, _DELAY)
    seen.late = {_label(series, "le"): value for series, value in late.items() if "le=" in series}


def _values(exposition: bytes, family: str) -> dict[str, float]:
    """The samples of a family by series. The exporter's own metrics are at the end of the response."""
    lines = _section(exposition, exposition.rfind(b"# TYPE " + family.encode())).decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines)
    return {series: float(value) for series, _, value in pairs}


def _section(exposition: bytes, head: int) -> bytes:
    """The samples of the family whose TYPE line begins at `head`; empty if `head` is -1."""
    begin = exposition.find(b"\n", head) + 1
    end = exposition.find(b"\n#", begin - 1) + 1
    return exposition[begin : end or None] if head >= 0 else b""


def _label(series: str, name: str) -> str:
    return series.partition(f'{name}="')[2].partition('"')[0]


class _Client:
    """A client that scrapes one target in one format."""

    def __init__(self, number: int, clients: int, *, host: str, least: int, most: int) -> None:
        first, last = _PAUSES
        self.pause = first + (last - first) * number / max(1, clients - 1)
        self._number = number
        self._form = FORMS[number % len(FORMS)]
        self._bounds = {"least": least, "most": most}
        self._connection = http.client.HTTPConnection(host, timeout=TIMEOUT_SECONDS)

    def scrape(self) -> Seen:
        seen = Seen(at=time.monotonic(), seconds=0.0, form=self._form.name, client=self._number)
        try:
            exposition = self._request(seen)
        except (OSError, http.client.HTTPException, EOFError, ValueError) as error:
            self._connection.close()  # it is opened again by the next request
            seen.seconds, seen.problem = time.monotonic() - seen.at, repr(error)
        else:
            seen_on(exposition, seen, form=self._form, **self._bounds)
        if seen.seconds > TIMEOUT_SECONDS and not seen.problem:
            seen.problem = f"it took {seen.seconds:.1f} s"
        return seen

    def _request(self, seen: Seen) -> bytes:
        form = self._form
        headers = {"Accept": form.accept, "Accept-Encoding": form.encoding}
        self._connection.request("GET", "/metrics", headers=headers)
        answer = self._connection.getresponse()
        body = answer.read()
        seen.seconds, seen.wire = time.monotonic() - seen.at, len(body)
        content_type = answer.headers.get("Content-Type", "")
        encoding = answer.headers.get("Content-Encoding", "identity")
        if (
            answer.status != http.HTTPStatus.OK
            or not content_type.startswith(form.content_type)
            or encoding != form.encoding
        ):
            raise ValueError(f"{answer.status} {content_type} {encoding}")
        return gzip.decompress(body) if form.encoding == "gzip" else body


def _scrape_forever(client: _Client, printing: threading.Lock) -> None:
    while True:
        line = msgspec.json.encode(client.scrape()).decode()
        with printing:
            print(line, flush=True)
        time.sleep(client.pause)


def main(host: str, clients: int, least: int, most: int) -> None:
    """Scrapes until standard input is closed."""
    printing = threading.Lock()
    for number in range(clients):
        client = _Client(number, clients, host=host, least=least, most=most)
        threading.Thread(target=_scrape_forever, args=(client, printing), daemon=True).start()
    sys.stdin.read()
    os._exit(0)  # sys.exit() may fail while a thread is printing


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
