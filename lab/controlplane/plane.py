"""Runs a real API server on loopback: etcd and kube-apiserver with RBAC. `nodes.py` adds controllers and nodes."""

import http.client
import json
import pathlib
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from typing import Any

from lab.kubeconfig import kubeconfig
from lab.processes import Process, free_ports

__all__ = ["ADMIN_TOKEN", "EXPORTER_TOKEN", "ControlPlane"]

ADMIN_TOKEN = "admin-token"
EXPORTER_TOKEN = "exporter-token"
_AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "userGroups": ["exporters", "system:serviceaccounts"]}, {"level": "None"}],
}
"""The audit policy: only requests of the exporter are logged."""


class ControlPlane:
    """etcd and kube-apiserver in `folder`. The user `exporter` has no permissions until a test binds a role to it.

    `url` is the https address of the API server. These are files: `ca` (the CA certificate), `key` (the private key
    of the server), `kubeconfig` (for the user `exporter`), `admin_kubeconfig` (for a user with all permissions), and
    `audit_log` (a line of JSON for each completed request of the exporter).
    """

    def __init__(self, folder: pathlib.Path, *, etcd: pathlib.Path, kube_apiserver: pathlib.Path) -> None:
        self._folder = folder
        self._binaries = {"etcd": etcd, "kube-apiserver": kube_apiserver}
        self._processes: dict[str, Process] = {}
        self._port, self._etcd_port, self._peer_port = free_ports(3)
        self.url = f"https://127.0.0.1:{self._port}"
        self.etcd_url = f"http://127.0.0.1:{self._etcd_port}"
        self.ca = folder / "certs" / "apiserver.crt"
        self.key = folder / "certs" / "apiserver.key"
        self.kubeconfig = folder / "kubeconfig"
        self.admin_kubeconfig = folder / "admin.kubeconfig"
        self.audit_log = folder / "audit.log"

    @property
    def api_server_pid(self) -> int:
        """The process ID of kube-apiserver."""
        return self._processes["kube-apiserver"].pid

    def start(self) -> None:
        """Starts etcd and the API server, and waits until they are ready. Raises TimeoutError."""
        self._write_files()
        self.start_etcd()
        self.start_api_server()

    def start_etcd(self) -> None:
        """Starts etcd on the existing data."""
        peer = f"http://127.0.0.1:{self._peer_port}"
        self._spawn(
            "etcd",
            "--data-dir=etcd",
            f"--listen-client-urls={self.etcd_url}",
            f"--advertise-client-urls={self.etcd_url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        )

    def kill_etcd(self) -> None:
        """Kills etcd with SIGKILL while the API server runs; data that it has written is not lost."""
        self._processes.pop("etcd").stop()

    def start_api_server(self, *flags: str) -> None:
        """Starts the API server on the existing data, with additional flags, and waits until it is ready."""
        self._spawn(
            "kube-apiserver",
            f"--etcd-servers={self.etcd_url}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            "--cert-dir=certs",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-signing-key-file=sa.key",
            "--service-account-key-file=sa.key",
            "--token-auth-file=tokens.csv",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
            "--audit-policy-file=audit.json",
            "--audit-log-path=audit.log",
            *flags,
        )
        self._until_ready(seconds=60)

    def kill_api_server(self) -> None:
        """Kills the API server with SIGKILL: connections break, etcd keeps the data."""
        self._processes.pop("kube-apiserver").stop()

    def freeze_api_server(self, *, frozen: bool = True) -> None:
        """Stops the API server with open connections (SIGSTOP), or continues it."""
        self._processes["kube-apiserver"].signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def restart_api_server(self, *flags: str) -> None:
        """Kills and starts the API server. Its watch cache is then empty: older resourceVersions get 410."""
        self.kill_api_server()
        self.start_api_server(*flags)

    def compact(self, revision: int) -> None:
        """Compacts etcd up to `revision` (etcd's HTTP gateway, /v3/kv/compaction)."""
        self._etcd("/v3/kv/compaction", {"revision": str(revision), "physical": True})

    def outdate(self) -> None:
        """Compacts etcd beyond every resource version that a client has, even while the API server is down.

        A watch from version N reads from N + 1 in etcd, so two writes increase the revision before the compaction.
        """
        for _ in range(2):
            answer = self._etcd("/v3/kv/put", {"key": "b3V0ZGF0ZQ==", "value": ""})
        self.compact(int(answer["header"]["revision"]))

    def forget_versions(self) -> None:
        """Makes the API server respond with 410 to lists and watches with any earlier resource version."""
        _, listed = self.request("GET", "/api/v1/namespaces")
        self.compact(int(listed["metadata"]["resourceVersion"]))
        self.restart_api_server()

    def stop(self) -> None:
        """Kills all processes with SIGKILL, because nothing is used afterwards."""
        while self._processes:
            self._processes.popitem()[1].stop()

    def request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        token: str | None = ADMIN_TOKEN,
        content_type: str = "application/json",
    ) -> tuple[int, Any]:
        """Sends a request. Returns status and body (decoded if it is JSON). Raises OSError without a response."""
        request = urllib.request.Request(  # noqa: S310 - loopback
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": content_type},
        )
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        trust = ssl.create_default_context(cafile=self.ca)
        try:
            with urllib.request.urlopen(request, context=trust, timeout=30) as answer:  # noqa: S310 - loopback
                return answer.status, _decode(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _decode(error)

    def _etcd(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(self.etcd_url + path, data=json.dumps(body).encode())  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            return json.load(answer)

    def _spawn(self, name: str, *flags: str) -> None:
        log = self._folder / f"{name}.log"
        self._processes[name] = Process(self._binaries[name], *flags, folder=self._folder, log=log)

    def _until_ready(self, *, seconds: float) -> None:
        process = self._processes["kube-apiserver"]
        end = time.monotonic() + seconds
        while time.monotonic() < end and process.running():
            try:
                if self.request("GET", "/readyz") == (200, "ok"):
                    return
            except (OSError, http.client.HTTPException):
                pass  # the server has no certificate yet, does not listen yet, or has closed the connection
            time.sleep(0.05)
        raise TimeoutError(f"the API server is not ready; its log ends with:\n{process.last_output()}")

    def _write_files(self) -> None:
        key = self._folder / "sa.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        (self._folder / "tokens.csv").write_text(
            f'{ADMIN_TOKEN},admin,1,"system:masters"\n{EXPORTER_TOKEN},exporter,2,"exporters"\n'
        )
        (self._folder / "audit.json").write_text(json.dumps(_AUDIT))
        self.kubeconfig.write_text(self.kubeconfig_of(EXPORTER_TOKEN))
        self.admin_kubeconfig.write_text(self.kubeconfig_of(ADMIN_TOKEN))

    def kubeconfig_of(self, token: str, *, url: str = "") -> str:
        """A kubeconfig with a bearer token, by default for the address of the API server."""
        return kubeconfig(url or self.url, authority=self.ca, user={"token": token})


def _decode(answer: http.client.HTTPResponse | urllib.error.HTTPError) -> Any:
    data = answer.read()
    is_json = answer.headers.get("Content-Type", "").startswith("application/json")
    return json.loads(data) if is_json else data.decode()
