"""A real Prometheus scrapes with mutual TLS and a password, also while certificates on both sides are rotated."""

import contextlib
import itertools
import pathlib
import ssl
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Self

import aiohttp
import bcrypt
import pytest
import trustme

from lab.monitoring.bundle import JOB
from lab.monitoring.servers import Prometheus
from lab.processes import Process, free_ports
from lab.waiting import until
from tests.kube.settings import a_kubeconfig
from tests.web.protected import MUTUAL, PASSWORD, Folder, ask, basic

pytestmark = [pytest.mark.needs("prometheus"), pytest.mark.timeout(90)]

LOAD_SECONDS = 12.0
CLIENTS = 4
SAN = "prometheus.monitoring.svc"


class Secured:
    """`coderun-exporter run` with a web configuration. It serves scrapes without an API server."""

    def __init__(self, path: pathlib.Path) -> None:
        self.folder = Folder(path)
        self.address = f"127.0.0.1:{free_ports(1)[0]}"
        self.url = f"https://{self.address}"
        self.log = path / "exporter.log"
        self.clients = trustme.CA(organization_name="clients")
        self.clients.cert_pem.write_to_path(path / "ca.crt")
        self.folder.authority.cert_pem.write_to_path(path / "server-ca.crt")
        self.folder.write(
            tls_server_config=MUTUAL | {"client_allowed_sans": [SAN]},
            basic_auth_users={"prometheus": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()},
        )
        self.issue()
        (path / "password").write_text(PASSWORD)

    def issue(self) -> None:
        """Issues a new client certificate. Each file is replaced atomically."""
        leaf = self.clients.issue_cert(SAN)
        for name, pem in (("client.crt", leaf.cert_chain_pems[0]), ("client.key", leaf.private_key_pem)):
            new = self.folder.path / f"new-{name}"
            pem.write_to_path(new)
            new.replace(self.folder.path / name)

    def trust(self) -> ssl.SSLContext:
        """The TLS context of Prometheus."""
        return self.folder.trust(SAN, authority=self.clients)

    def scrape(self) -> dict[str, object]:
        """The settings of the scrape job."""
        path = self.folder.path
        files = {"ca_file": "server-ca.crt", "cert_file": "client.crt", "key_file": "client.key"}
        return {
            "scheme": "https",
            "tls_config": {key: str(path / name) for key, name in files.items()},
            "basic_auth": {"username": "prometheus", "password_file": str(path / "password")},
        }

    @contextlib.contextmanager
    def serving(self) -> Iterator[Process]:
        """Runs the exporter while the context is open."""
        path = self.folder.path
        kubeconfig = a_kubeconfig(path, cluster={"server": "http://127.0.0.1:1"})
        flags = [f"--kubeconfig={kubeconfig}", "--web.config.file=web-config.yml"]
        process = Process(
            *(sys.executable, "-m", "exporter", "run", *flags, f"--web.listen-address={self.address}"),
            folder=path,
            log=self.log,
        )
        try:
            until(
                lambda: "msg=Started" in self.log.read_text(),
                what="the exporter has started",
                otherwise=process.last_output,
            )
            yield process
        finally:
            process.stop()


class Load:
    """Scrapes continuously on new connections. Counts scrapes and records errors."""

    def __init__(self, secured: Secured) -> None:
        self.scrapes = 0
        self.errors: list[str] = []
        self._secured = secured
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._secured.trust())
        )
        headers = basic("prometheus", PASSWORD) | {"Accept-Encoding": "gzip"}
        request = urllib.request.Request(f"{self._secured.url}/metrics", headers=headers)  # noqa: S310 - loopback
        while not self._ended.is_set():
            try:
                with opener.open(request, timeout=10) as answer:
                    answer.read()
                self.scrapes += 1
            except OSError as error:
                self.errors.append(repr(error))


@pytest.fixture
def secured(tmp_path: pathlib.Path) -> Iterator[Secured]:
    """A running exporter with its files."""
    path = tmp_path / "exporter"
    path.mkdir()
    made = Secured(path)
    with made.serving():
        yield made


async def test_a_scrape_needs_a_certificate_and_a_password(secured: Secured):
    """Health checks need only a certificate."""
    me = basic("prometheus", PASSWORD)
    assert (await ask(secured.url, trust=secured.trust(), headers=me))[0] == 200
    assert (await ask(secured.url, trust=secured.trust()))[0] == 401
    assert (await ask(secured.url, trust=secured.trust(), path="/livez"))[0] == 200
    for trust in (
        secured.folder.trust(),
        secured.folder.trust(SAN),
    ):
        with pytest.raises((aiohttp.ClientError, OSError)):
            await ask(secured.url, trust=trust, headers=me)
    other = secured.folder.trust("other.example", authority=secured.clients)
    for path in ("/metrics", "/livez"):
        assert (await ask(secured.url, trust=other, path=path, headers=me))[0] == 403


def test_no_scrape_fails_while_certificates_are_rotated(tmp_path: pathlib.Path, secured: Secured):
    """At least ten certificates are issued, with keys a moment later, and some invalid certificates."""
    with Prometheus(tmp_path / "prometheus", exporter=secured.address, scrape=secured.scrape()) as prometheus:
        prometheus.until_scraped()
        with Load(secured) as load:
            begun, renewals = time.monotonic(), 0
            for number in itertools.count():
                if time.monotonic() - begun > LOAD_SECONDS:
                    break
                if number % 4 == 3:
                    (secured.folder.path / "tls.crt").write_text("-----BEGIN CERTIFICATE-----\n")
                else:
                    secured.folder.renew()
                    renewals += 1
                secured.issue()
                time.sleep(0.7)
            secured.folder.renew()
            time.sleep(2)
        ups = prometheus.query(f'min_over_time(up{{job="{JOB}"}}[{LOAD_SECONDS:.0f}s])')
        counted = prometheus.query(f'count_over_time(up{{job="{JOB}"}}[{LOAD_SECONDS:.0f}s])')
        health = prometheus.target()
    reloads = secured.log.read_text().count("Reloaded web configuration")
    kept = secured.log.read_text().count("keeping the previous one")
    assert load.errors == []
    assert load.scrapes > 50
    assert renewals >= 10
    assert reloads >= 5
    assert kept >= 1
    assert [series["value"][1] for series in ups] == ["1"]
    assert int(counted[0]["value"][1]) >= LOAD_SECONDS - 2
    assert health["health"] == "up", health


def scrape_errors(prometheus: Prometheus) -> list[str]:
    """The errors of the scrapes of Prometheus."""
    targets = prometheus.get("/api/v1/targets")["data"]["activeTargets"]
    return [target["lastError"] for target in targets if target["lastError"]]


def test_a_prometheus_with_a_wrong_password_has_an_error(tmp_path: pathlib.Path, secured: Secured):
    """Its target has the error 401. The exporter logs one line."""
    (secured.folder.path / "password").write_text("wrong")
    with Prometheus(tmp_path / "prometheus", exporter=secured.address, scrape=secured.scrape()) as prometheus:
        targets = until(lambda: scrape_errors(prometheus), what="a scrape has failed")
    assert "401 Unauthorized" in targets[0]
    assert secured.log.read_text().count("reason=unauthorized") == 1
