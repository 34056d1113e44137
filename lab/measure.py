"""Measures a process: CPU, memory, and the duration of scrapes."""

import asyncio
import contextlib
import dataclasses
import gzip
import http.client
import os
import pathlib
import statistics
import time

__all__ = ["Scrape", "Subject"]

_IDLE_SECONDS = 15.0  # on a busy machine, a process may not get CPU time for seconds
_IDLE_CPU_SECONDS = 0.1
_TICK = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scrape:
    """One scrape: seconds to its last byte, bytes on the wire, and the body."""

    seconds: float
    wire: int
    body: bytes

    @property
    def samples(self) -> int:
        """The number of lines that are not comments."""
        return self.body.count(b"\n") - self.body.count(b"\n#") - self.body.startswith(b"#")

    def value(self, name: str) -> float:
        """The value of the last series with this prefix. The exporter's own metrics come last."""
        begin = self.body.rindex(f"\n{name}".encode()) + 1
        return float(self.body[begin : self.body.index(b"\n", begin)].rpartition(b" ")[2])


class Subject:
    """A metrics server that was just started, identified by its process ID and HOST:PORT."""

    def __init__(self, *, pid: int, host: str) -> None:
        self._pid = pid
        self._host = host
        self._connection = http.client.HTTPConnection(host, timeout=120)
        self._started = time.perf_counter()

    def cpu_seconds(self) -> float:
        """User and system time since its start, in seconds."""
        fields = pathlib.Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def memory_mib(self, *, peak: bool = False) -> float:
        """Resident memory, now or at its peak, in MiB."""
        name = "VmHWM:" if peak else "VmRSS:"
        status = pathlib.Path(f"/proc/{self._pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name)) / 1024

    async def scrape(self, *, packed: bool = True) -> Scrape:
        """Scrapes over a connection that is kept open, as Prometheus does. Raises OSError."""
        return await asyncio.to_thread(self._scrape, packed=packed)

    def _scrape(self, *, packed: bool) -> Scrape:
        started = time.perf_counter()
        try:
            answer, wire = self._get(packed=packed)
        except http.client.RemoteDisconnected:
            answer, wire = self._get(packed=packed)  # the server has closed an idle connection
        seconds = time.perf_counter() - started
        packed = answer.headers.get("Content-Encoding") == "gzip"
        return Scrape(seconds=seconds, wire=len(wire), body=gzip.decompress(wire) if packed else wire)

    def _get(self, *, packed: bool) -> tuple[http.client.HTTPResponse, bytes]:
        try:
            headers = {"Accept-Encoding": "gzip" if packed else "identity"}
            self._connection.request("GET", "/metrics", headers=headers)
            answer = self._connection.getresponse()
            return answer, answer.read()
        except OSError:
            self._connection.close()  # the next request opens it again
            raise

    async def median_scrape(self, *, packed: bool, times: int) -> float:
        """The median duration of this number of scrapes, in seconds."""
        return statistics.median([(await self.scrape(packed=packed)).seconds for _ in range(times)])

    async def until_ready(self) -> None:
        """Requests `/readyz` until the status is 200."""
        while not await asyncio.to_thread(self._ready):
            await asyncio.sleep(0.1)

    def _ready(self) -> bool:
        connection = http.client.HTTPConnection(self._host, timeout=120)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    async def until_idle(self) -> tuple[float, float]:
        """Waits for 15 s with less than 0.1 s of CPU, without requests. Returns wall and CPU seconds before that."""
        marks = [(0.0, 0.0)]
        while True:
            await asyncio.sleep(0.2)
            now, used = time.perf_counter() - self._started, self.cpu_seconds()
            marks.append((now, used))
            wall, cpu = next(mark for mark in marks if mark[0] >= now - _IDLE_SECONDS)
            if now > 2 * _IDLE_SECONDS and used - cpu < _IDLE_CPU_SECONDS:
                return wall, cpu

    async def until_whole(self, *, samples: int) -> float:
        """Scrapes until a response has at least this number of samples. Returns the seconds since the start."""
        while True:
            with contextlib.suppress(OSError):
                if (await self.scrape()).samples >= samples:
                    return time.perf_counter() - self._started
            await asyncio.sleep(0.2)
