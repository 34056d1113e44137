"""Measures the exporter's web server under hostile clients: `python -m bench.hostile --objects 20000`.

Each crowd of clients attacks for some seconds. Meanwhile, a client scrapes once a second over one connection, like
Prometheus, and another requests /livez twice a second over a new connection, like a kubelet.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from bench.bench import change, free_port
from bench.servers import Api, stand_in
from lab.measure import Scrape, Subject

_CROWDS = (  # name, attack, clients, seconds, changes of objects a second
    ("no other client", "good", 0, 10, 0),
    ("20 good scrapers, each once a second", "good", 20, 20, 0),
    ("500 parallel scrapes, gzip", "gzip", 500, 20, 0),
    ("500 parallel scrapes, identity", "identity", 500, 20, 0),
    ("100 slow readers, 1 byte/s", "slow", 100, 40, 0),
    ("the same, and 200 changes a second", "slow", 100, 40, 200),
    ("2,000 silent connections", "silent", 2000, 20, 0),
    ("500 times slowloris", "slowloris", 500, 20, 0),
)
_COLUMNS = (
    "clients",
    "event loop delay, maximum",
    "memory before; peak; after, MiB",
    "descriptors before; peak; after",
    "good scrape, median; maximum",
    "good scrapes: 200; other",
    "/livez, median; maximum",
    "rejected, by reason",
)
_DELAY = "coderun_exporter_event_loop_delay_seconds_bucket"
_BOUNDS = ("0.001", "0.005", "0.01", "0.05", "0.1", "0.5", "1.0", "5.0", "+Inf")
_REFUSED = "coderun_exporter_clients_refused_total"
_REASONS = ("max_requests", "connections", "slow_reader", "bad_request")


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=20000, help="CodeRuns, and as many Jobs (default 20000)")
    parser.add_argument("--only", metavar="ATTACK", help="only the crowds of this attack")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        asyncio.run(_bench(arguments, pathlib.Path(folder)))
    return 0


async def _bench(arguments: argparse.Namespace, folder: pathlib.Path) -> None:
    async with stand_in(arguments.objects, folder) as api, _exporter(api.kubeconfig) as victim:
        await victim.subject.until_whole(samples=10 * arguments.objects)
        response = await victim.subject.scrape()
        print(
            f"{arguments.objects} CodeRuns + {arguments.objects} Jobs; {os.cpu_count()} cores; a response of", end=" "
        )
        print(f"{len(response.body) / 1e6:.0f} MB, {response.wire / 1e6:.1f} MB as gzip\n")
        print(f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|")
        for name, attack, clients, seconds, changes in _CROWDS:
            if arguments.only in {None, attack}:
                async with _change_objects(api, objects=arguments.objects, rate=changes):
                    row = await _crowd(victim, attack, clients, seconds)
                print(f"| {name} | {' | '.join(row)} |", flush=True)
        print(f"\nSIGTERM with 100 slow readers: {await _shutdown_seconds(victim):.2f} s until the process exits")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Victim:
    """The exporter under attack."""

    subject: Subject
    process: asyncio.subprocess.Process
    port: int

    @property
    def pid(self) -> int:
        """The process id of the exporter."""
        return self.process.pid

    def descriptors(self) -> int:
        """The number of open file descriptors."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))  # noqa: PTH208 - only the number is needed

    def forget_peak(self) -> None:
        """Resets the peak of the resident memory (proc(5), clear_refs)."""
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@contextlib.asynccontextmanager
async def _exporter(kubeconfig: pathlib.Path) -> AsyncIterator[Victim]:
    port = free_port()
    argv = [sys.executable, "-m", "exporter", "run", "--log.level=warn", f"--kubeconfig={kubeconfig}"]
    process = await asyncio.create_subprocess_exec(*argv, f"--web.listen-address=127.0.0.1:{port}")
    try:
        yield Victim(subject=Subject(pid=process.pid, host=f"127.0.0.1:{port}"), process=process, port=port)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _crowd(victim: Victim, attack: str, clients: int, seconds: float) -> list[str]:
    """The row of the table for one crowd."""
    before, memory, descriptors = await victim.subject.scrape(), victim.subject.memory_mib(), victim.descriptors()
    victim.forget_peak()
    good = GoodClient(victim.port, "/metrics", pause=1.0)
    live = GoodClient(victim.port, "/livez", pause=0.5, new_connection=True)
    requesting = [asyncio.create_task(asyncio.to_thread(client.send_requests)) for client in (good, live)]
    most, until = descriptors, time.monotonic() + seconds
    async with _attack(victim, attack, clients) as seen:
        while time.monotonic() < until:
            await asyncio.sleep(0.2)
            most = max(most, victim.descriptors())
        good.stop = live.stop = True
        await asyncio.gather(*requesting)
    peak = victim.subject.memory_mib(peak=True)
    await asyncio.sleep(3)
    after = await _first_complete_scrape(victim.subject.scrape)
    return [
        f"<= {_longest(before, after)} s",
        f"{memory:.0f}; {peak:.0f}; {victim.subject.memory_mib():.0f}",
        f"{descriptors}; {most}; {victim.descriptors()}",
        *good.results(),
        live.results()[0],
        f"{_rejections(before, after)}; the clients received {_counts(seen) or 'nothing'}",
    ]


@contextlib.asynccontextmanager
async def _change_objects(api: Api, *, objects: int, rate: int) -> AsyncIterator[None]:
    """Changes `rate` objects a second, half of them CodeRuns and half Jobs, until the context exits."""
    stop = asyncio.Event()
    writer = asyncio.create_task(change(api, argparse.Namespace(objects=objects, rate=rate), stop))
    yield
    stop.set()
    await writer


@contextlib.asynccontextmanager
async def _attack(victim: Victim, attack: str, clients: int) -> AsyncIterator[dict[str, int]]:
    """Runs a crowd until the context exits. Then the yielded dictionary has its number of responses by status."""
    argv = [sys.executable, "-m", "bench.attacks", attack, str(victim.port)]
    crowd = await asyncio.create_subprocess_exec(*argv, str(clients), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    seen: dict[str, int] = {}
    yield seen
    out, _ = await crowd.communicate(b"")
    seen |= json.loads(out)


async def _shutdown_seconds(victim: Victim) -> float:
    """The seconds from SIGTERM to the exit of the process, with slow readers connected."""
    async with _attack(victim, "slow", 100):
        await asyncio.sleep(3)
        started = time.monotonic()
        victim.process.terminate()
        await victim.process.wait()
        return time.monotonic() - started


async def _first_complete_scrape(scrape: Callable[[], Awaitable[Scrape]]) -> Scrape:
    """The first complete scrape after an attack."""
    while not (response := await scrape()).body.endswith(b"\n") or response.samples < len(_BOUNDS):
        await asyncio.sleep(0.5)
    return response


class GoodClient:
    """A well-behaved client in a thread, whose requests must succeed during the attack."""

    def __init__(self, port: int, path: str, *, pause: float, new_connection: bool = False) -> None:
        self.stop = False
        self._port, self._path, self._pause, self._new_connection = port, path, pause, new_connection
        self._seconds: list[float] = []
        self._failed: list[str] = []

    def send_requests(self) -> None:
        """Sends requests until `stop` is set."""
        connection = self._connection()
        while not self.stop:
            started = time.monotonic()
            try:
                connection.request("GET", self._path, headers={"Accept-Encoding": "gzip"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != http.HTTPStatus.OK:
                    self._failed.append(str(answer.status))
            except (OSError, http.client.HTTPException) as error:
                self._failed.append(type(error).__name__)
                connection.close()
            self._seconds.append(time.monotonic() - started)
            if self._new_connection:
                connection.close()
                connection = self._connection()
            time.sleep(self._pause)
        connection.close()

    def results(self) -> tuple[str, str]:
        """The median and the maximum of the durations; the number of successful and failed requests."""
        good = len(self._seconds) - len(self._failed)
        failed = _counts({name: self._failed.count(name) for name in sorted(set(self._failed))})
        times = f"{statistics.median(self._seconds) * 1e3:.0f}; {max(self._seconds) * 1e3:.0f} ms"
        return times, f"{good}; {failed or 'none'}"

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)


def _longest(before: Scrape, after: Scrape) -> str:
    """The bucket of the longest delay of the event loop between two scrapes."""
    late = {bound: _value(after, _DELAY, bound) - _value(before, _DELAY, bound) for bound in _BOUNDS}
    return next(bound for bound in _BOUNDS if late[bound] == late["+Inf"])


def _value(response: Scrape, name: str, bound: str) -> float:
    return response.value(f'{name}{{le="{bound}"}}')


def _rejections(before: Scrape, after: Scrape) -> str:
    series = {reason: f'{_REFUSED}{{reason="{reason}"}}' for reason in _REASONS}
    more = {reason: int(after.value(name) - before.value(name)) for reason, name in series.items()}
    return _counts({reason: count for reason, count in more.items() if count}) or "none"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


if __name__ == "__main__":
    sys.exit(main())
