"""Runs the exporter as users do: a process with a settings file."""

import json
import pathlib
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from lab.processes import Process, free_ports
from lab.waiting import until

__all__ = ["OWN", "Exporter", "Scrape", "object_samples", "series_of", "stateless_samples"]

OWN = ("coderun_exporter_", "process_", "python_")
"""Prefixes of the names of metrics about the exporter itself."""


REMEMBERED = ("coderun_without_job_since_timestamp_seconds{", 'problem="shrunk"')
"""Parts of lines that depend on previous observations of the exporter."""


class Scrape(NamedTuple):
    """A response of the exporter."""

    status: int
    content_type: str
    text: str


class Exporter:
    """Runs `coderun-exporter run` with these settings. A context manager, which enters when the exporter is ready.

    `program` has the arguments with which Python starts the exporter. `log` is the file with its output.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        *,
        kubeconfig: pathlib.Path,
        settings: dict[str, Any],
        program: Sequence[str] = ("-m", "exporter"),
    ) -> None:
        self.address = f"127.0.0.1:{free_ports(1)[0]}"
        self.url = f"http://{self.address}"
        self.log = folder / "exporter.log"
        self._folder = folder
        self._program = program
        self._arguments = [f"--kubeconfig={kubeconfig}", "--config.file=exporter.yml"]
        self._settings = settings

    def __enter__(self) -> Self:
        self._folder.mkdir()
        (self._folder / "exporter.yml").write_text(json.dumps(self._settings))
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def start(self) -> None:
        """Starts the exporter and waits until it is ready."""
        argv = [sys.executable, *self._program, "run", *self._arguments, f"--web.listen-address={self.address}"]
        self._process = Process(*argv, folder=self._folder, log=self.log)
        try:
            until(self._is_ready, what="the exporter is ready")
        except BaseException:
            self._process.stop()
            raise

    def stop(self) -> None:
        """Sends SIGTERM, as Kubernetes does, and waits until the process has exited."""
        self._process.signal(signal.SIGTERM)
        until(lambda: not self._process.running(), what="the exporter ends after SIGTERM")
        self._process.stop()

    @property
    def pid(self) -> int:
        """The process ID of the exporter, which changes when it is started again."""
        return self._process.pid

    def running(self) -> bool:
        """Whether the process is running."""
        return self._process.running()

    def get(self, path: str = "/metrics", *, accept: str = "text/plain") -> Scrape:
        """Sends a request and returns the response, with any status. Raises OSError if there is no response."""
        request = urllib.request.Request(self.url + path, headers={"Accept": accept})  # noqa: S310 - loopback
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
                return Scrape(answer.status, answer.headers["Content-Type"], answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Scrape(error.code, error.headers.get("Content-Type", ""), error.read().decode())

    def _is_ready(self) -> bool:
        assert self._process.running(), self._process.last_output()
        return self.get("/readyz").status == 200


def object_samples(exposition: str) -> list[str]:
    """The samples of a scrape response about objects of the cluster, without metrics of the exporter itself."""
    return [line for line in exposition.split("\n") if line and not line.startswith(("#", *OWN))]


def stateless_samples(exposition: str) -> list[str]:
    """As `object_samples`, without those that depend on what the exporter has observed before (`REMEMBERED`)."""
    return [line for line in object_samples(exposition) if not any(part in line for part in REMEMBERED)]


def series_of(exposition: str) -> list[str]:
    """The series of a scrape response, without their values."""
    return [line.rpartition(" ")[0] for line in exposition.split("\n") if line and not line.startswith("#")]
