"""Runs the container of a pod like the kubelet, but as a process on this machine and without an image."""

import base64
import contextlib
import functools
import http.client
import json
import os
import pathlib
import re
import signal
import ssl
import sys
from typing import Any, Self

from exporter import config_file
from exporter.kube.auth import Credentials
from lab.controlplane.account import Token
from lab.controlplane.plane import ControlPlane
from lab.processes import Process
from lab.waiting import until

__all__ = ["Pod"]

_DOCKERFILE = pathlib.Path(__file__).resolve().parents[2] / "Dockerfile"


class Pod:
    """The only container of a pod in the API server. A context manager, which starts and stops the container.

    Program, arguments, environment, mounted ConfigMaps, the service account token and the CA are those of the pod and
    the Dockerfile. There are three differences: mounted directories are below `folder`, and paths in the arguments
    are changed accordingly; listen addresses without a host use the pod's address `ip`, which is an address of the
    loopback interface; and the token is below `folder` too.
    """

    def __init__(self, plane: ControlPlane, pod: dict[str, Any], *, folder: pathlib.Path, ip: str) -> None:
        self.ip = ip
        self.name = pod["metadata"]["name"]
        self._plane = plane
        self._pod = pod
        self._folder = folder
        self._account = folder / "serviceaccount"
        [self.container] = pod["spec"]["containers"]

    def __enter__(self) -> Self:
        self._account.mkdir(parents=True)
        for mount in self.container["volumeMounts"]:
            self._mount(mount)
        self._write_token()
        self._process = Process(*self._argv(), folder=self._folder, log=self._folder / "log")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def port(self, name: str) -> int:
        """The container port with this name."""
        [port] = [each["containerPort"] for each in self.container["ports"] if each["name"] == name]
        return int(port)

    def get(
        self, port: int, path: str, *, scheme: str = "HTTP", headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Sends a request to the pod, and returns status and body. Does not verify certificates. Raises OSError."""
        made = http.client.HTTPConnection(self.ip, port, timeout=10)
        if scheme == "HTTPS":
            trust = ssl._create_unverified_context()  # noqa: S323 - as the kubelet does it
            made = http.client.HTTPSConnection(self.ip, port, timeout=10, context=trust)
        with contextlib.closing(made) as connection:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def probe(self, name: str) -> int:
        """The HTTP status of the probe with this name, such as `readiness`. Raises OSError without a response."""
        asked = self.container[f"{name}Probe"]["httpGet"]
        return self.get(self.port(asked["port"]), asked["path"], scheme=asked.get("scheme", "HTTP"))[0]

    def until_succeeds(self, name: str) -> None:
        """Waits until the probe succeeds, for at most `periodSeconds` times `failureThreshold`."""
        probe = self.container[f"{name}Probe"]
        seconds = probe["periodSeconds"] * probe["failureThreshold"]
        until(lambda: self.probe(name) == 200, what=name, seconds=seconds, otherwise=self._process.last_output)

    def end(self) -> None:
        """Sends SIGTERM, and waits until the process exits within the grace period of the pod."""
        self._process.signal(signal.SIGTERM)
        grace = self._pod["spec"]["terminationGracePeriodSeconds"]
        until(lambda: not self._process.running(), what=f"{self.name} ends", seconds=grace)

    def _mount(self, mount: dict[str, Any]) -> None:
        """Writes the keys of a ConfigMap or Secret as files."""
        [volume] = [each for each in self._pod["spec"]["volumes"] if each["name"] == mount["name"]]
        if "secret" in volume:
            secret = self._ask("GET", f"secrets/{volume['secret']['secretName']}")
            files = {name: base64.b64decode(data) for name, data in secret["data"].items()}
        else:
            config_map = self._ask("GET", f"configmaps/{volume['configMap']['name']}")
            files = {name: text.encode() for name, text in config_map["data"].items()}
        target = self._below(mount["mountPath"])
        target.mkdir(parents=True)
        for name, content in files.items():
            (target / name).write_bytes(content)

    def _write_token(self) -> None:
        """Writes a token of the service account, bound to the pod, and the CA."""
        spec = self._pod["spec"]
        assert spec["automountServiceAccountToken"] is True
        metadata = self._pod["metadata"]
        bound = {"apiVersion": "v1", "kind": "Pod", "name": self.name, "uid": metadata["uid"]}
        asked = {"spec": {"expirationSeconds": 3600, "boundObjectRef": bound}}
        made = self._ask("POST", f"serviceaccounts/{spec['serviceAccountName']}/token", asked)
        Token(made["status"]["token"], "", self.name).write(self._account / "token")
        (self._account / "ca.crt").symlink_to(self._plane.ca)

    def _argv(self) -> list[str]:
        """The command: the entry point of the image and the container's arguments, with only its environment."""
        host, _, port = self._plane.url.removeprefix("https://").partition(":")
        environment = {"PATH": os.environ["PATH"], "KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
        environment |= (own := {each["name"]: self._value(each) for each in self.container.get("env", ())})
        entry = re.search(r"^ENTRYPOINT (.*)$", _DOCKERFILE.read_text(), re.MULTILINE)
        assert entry
        assert self.container.get("command", json.loads(entry[1])) == ["coderun-exporter"]
        arguments = [functools.reduce(_expand, own.items(), word) for word in self.container["args"]]
        for mount in self.container["volumeMounts"]:
            path = f"{mount['mountPath']}/"
            arguments = [word.replace(path, f"{self._below(path)}/") for word in arguments]
        return [
            "env",
            "-i",
            *(f"{name}={value}" for name, value in environment.items()),
            *(sys.executable, __file__, str(self._account)),
            *arguments,
            *(f"--web.listen-address={address}" for address in self._addresses(arguments)),
        ]

    def _addresses(self, arguments: list[str]) -> list[str]:
        """The listen addresses in the settings, with the pod's address if they have no host."""
        [file] = [word.partition("=")[2] for word in arguments if word.startswith("--config.file=")]
        hosts = (address.rpartition(":") for address in config_file.load(file).web.listen_addresses)
        return [f"{host or self.ip}:{port}" for host, _, port in hosts]

    def _value(self, variable: dict[str, Any]) -> str:
        """The value of an environment variable. The only supported `fieldRef` is `metadata.namespace`."""
        if "value" in variable:
            return str(variable["value"])
        assert variable["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.namespace"
        return str(self._pod["metadata"]["namespace"])

    def _below(self, path: str) -> pathlib.Path:
        return self._folder / path.lstrip("/")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        namespace = self._pod["metadata"]["namespace"]
        code, answer = self._plane.request(method, f"/api/v1/namespaces/{namespace}/{path}", body)
        assert code in {200, 201}, answer
        return answer


def _expand(word: str, variable: tuple[str, str]) -> str:
    """Expands $(NAME) in arguments, as Kubernetes does."""
    return word.replace(f"$({variable[0]})", variable[1])


def _main() -> int:
    """Runs `coderun-exporter` with the service account's files in another folder. Arguments: FOLDER ARGUMENTS."""
    from exporter.cli import main  # noqa: PLC0415 - only needed if this file is the program

    Credentials.load = functools.partial(Credentials.load, service_account=pathlib.Path(sys.argv[1]))  # type: ignore[method-assign]
    return main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(_main())
