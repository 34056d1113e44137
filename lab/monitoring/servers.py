"""Runs a real Prometheus and Alertmanager on loopback, with the shipped rules and routes."""

import json
import pathlib
import signal
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import yaml

from lab.components import component
from lab.monitoring.bundle import JOB, alertmanager_config, prometheus_config, write_rules
from lab.processes import Process, free_ports
from lab.waiting import until

__all__ = ["Alertmanager", "Prometheus"]


class _Server:
    """A server process with an HTTP API at `url`. A context manager, which enters when `/-/ready` succeeds."""

    def __init__(self, name: str, folder: pathlib.Path) -> None:
        self.folder = folder
        self.address = f"127.0.0.1:{free_ports(1)[0]}"
        self.url = f"http://{self.address}"
        self._name = name

    def __enter__(self) -> Self:
        self.folder.mkdir()
        self.start()
        return self

    def start(self) -> None:
        """Starts the server, or restarts it with its address and data, and waits until it is ready."""
        flags = [f"--web.listen-address={self.address}", "--config.file=config.yml", *self._flags()]
        log = self.folder / f"{self._name}.log"
        self._process = Process(component(self._name), *flags, folder=self.folder, log=log)
        try:
            until(self._is_ready, what=f"{self._name} is ready")
        except BaseException:
            self._process.stop()
            raise

    def end(self, number: signal.Signals) -> None:
        """Sends a signal and waits until the process has exited."""
        self._process.signal(number)
        until(lambda: not self._process.running(), what=f"{self._name} has ended")
        self._process.stop()

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def get(self, path: str, **query: str) -> Any:
        """The JSON of a response. Raises AssertionError with the text of an unsuccessful response."""
        address = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - loopback
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{error.code} at {address}: {error.read().decode()}") from error

    def _flags(self) -> list[str]:
        raise NotImplementedError

    def _is_ready(self) -> bool:
        assert self._process.running(), self._process.last_output()
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=10) as answer:  # noqa: S310 - loopback
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            error.close()
            return False


class Alertmanager(_Server):
    """An Alertmanager with the shipped routes and inhibitions. It sends all notifications to the URL `receiver`.

    `webhooks`: chats get webhooks as well.
    """

    def __init__(self, folder: pathlib.Path, *, receiver: str, webhooks: bool = False) -> None:
        super().__init__("alertmanager", folder)
        self._receiver, self._webhooks = receiver, webhooks

    def state_of(self, alertname: str, **labels: str) -> str:
        """The state of an alert: `active`, `suppressed` or `unprocessed`; empty for an unknown alert."""
        wanted = {"alertname": alertname, **labels}
        found = [alert for alert in self.get("/api/v2/alerts") if wanted.items() <= alert["labels"].items()]
        assert len(found) <= 1, found
        return found[0]["status"]["state"] if found else ""

    def tell(self, *alerts: dict[str, Any]) -> None:
        """Sends alerts as Prometheus does. An alert with an `endsAt` in the past is resolved."""
        self._post("/api/v2/alerts", alerts)

    def silence(self, **labels: str) -> None:
        """Silences the alerts with these labels for an hour."""
        now = datetime.now(UTC)
        self._post(
            "/api/v2/silences",
            {
                "matchers": [{"name": name, "value": value, "isRegex": False} for name, value in labels.items()],
                "startsAt": now.isoformat(),
                "endsAt": (now + timedelta(hours=1)).isoformat(),
                "createdBy": "test",
                "comment": "test",
            },
        )

    def _post(self, path: str, body: object) -> None:
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.url}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            assert answer.status == 200

    def _flags(self) -> list[str]:
        config = alertmanager_config(receiver=self._receiver, webhooks=self._webhooks)
        (self.folder / "config.yml").write_text(yaml.safe_dump(config))
        return ["--storage.path=data", "--cluster.listen-address="]


class Prometheus(_Server):
    """A Prometheus that scrapes the address `exporter` and evaluates the shipped rules, each second.

    `scrape` has additional fields of the scrape job, such as `tls_config`. Paths are relative to `folder`.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        *,
        exporter: str,
        alertmanager: str | None = None,
        scrape: dict[str, Any] | None = None,
    ) -> None:
        super().__init__("prometheus", folder)
        self._exporter, self._alertmanager, self._scrape = exporter, alertmanager, scrape

    def query(self, expression: str, *, time: float | None = None) -> list[dict[str, Any]]:
        """The vector of an instant query: dicts of `metric` and `value`."""
        at = {} if time is None else {"time": f"{time:.3f}"}
        result: list[dict[str, Any]] = self.get("/api/v1/query", query=expression, **at)["data"]["result"]
        return result

    def stored(self) -> list[dict[str, Any]]:
        """The newest sample of each series of the exporter."""
        return self.query(f'{{job="{JOB}"}}')

    def target(self) -> dict[str, Any]:
        """The only scrape target, as in the targets API."""
        target: dict[str, Any]
        [target] = self.get("/api/v1/targets")["data"]["activeTargets"]
        return target

    def until_scraped(self) -> None:
        """Waits for a successful scrape; service discovery takes some seconds after the start."""
        until(
            lambda: self.query(f'up{{job="{JOB}"}} == 1'),
            what="Prometheus has scraped the exporter",
            otherwise=lambda: self.get("/api/v1/targets")["data"]["activeTargets"],
        )

    def _flags(self) -> list[str]:
        rules = write_rules(self.folder)
        config = prometheus_config(
            exporter=self._exporter, alertmanager=self._alertmanager, rules=rules, scrape=self._scrape
        )
        (self.folder / "config.yml").write_text(yaml.safe_dump(config))
        # Prometheus sends a firing alert again after this time, with its current annotations. Alertmanager resolves
        # an alert that it has not received for four times this time.
        return ["--storage.tsdb.path=data", "--rules.alert.resend-delay=3s"]
