"""A ServiceAccount with exactly the permissions that `coderun-exporter rbac` prints."""

import base64
import json
import pathlib
import subprocess
import sys
from typing import Any, NamedTuple

from lab import fast_yaml
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.kubeconfig import kubeconfig

__all__ = ["ServiceAccount", "Token"]


class Token(NamedTuple):
    """A bearer token. `identity` is its credential ID in the audit log; `pod` is the pod to which it is bound."""

    text: str
    identity: str
    pod: str

    def write(self, path: pathlib.Path) -> None:
        """Writes the token to a file atomically, as the kubelet does."""
        new = path.with_name(f"{self.pod}-token")
        new.write_text(self.text)
        new.replace(path)


class ServiceAccount:
    """A ServiceAccount in a namespace of the platform, with its pods and their tokens.

    `settings` is the settings file from which the RBAC manifests are generated.
    """

    def __init__(self, plane: ControlPlane, platform: PlatformNamespace, *, settings: pathlib.Path) -> None:
        self.name = self.namespace = platform.namespace
        self.user = f"system:serviceaccount:{self.namespace}:{self.name}"
        self._plane = plane
        self._platform = platform
        platform.ask("POST", self._core("serviceaccounts"), {"metadata": {"name": self.name}})
        command = [sys.executable, "-m", "exporter", "rbac", "--config.file", str(settings)]
        command += [f"--service-account.name={self.name}", f"--service-account.namespace={self.namespace}"]
        made = subprocess.run(command, check=True, capture_output=True, timeout=30).stdout
        self.manifests: list[dict[str, Any]] = list(fast_yaml.load_all(made))

    def grant(self) -> None:
        """Creates the RBAC objects."""
        for manifest in self.manifests:
            self._platform.ask("POST", _path(manifest), manifest)

    def revoke(self) -> None:
        """Deletes the RBAC objects, because cluster-scoped ones remain when the namespace is deleted."""
        for manifest in self.manifests:
            self._plane.request("DELETE", f"{_path(manifest)}/{manifest['metadata']['name']}")

    def rules(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """All granted rules, each with its role."""
        return [(role, rule) for role in self.manifests for rule in role.get("rules", ())]

    def set_rules(self, role: dict[str, Any], rules: list[dict[str, Any]]) -> None:
        """Replaces the rules of a role."""
        path = f"{_path(role)}/{role['metadata']['name']}"
        self._platform.patch(path, {"rules": rules})

    def token(self, pod: str) -> Token:
        """Creates the pod, and returns a token that is bound to it. Deleting the pod invalidates the token."""
        spec = {"serviceAccountName": self.name, "containers": [{"name": "exporter", "image": "exporter:1"}]}
        made = self._platform.ask("POST", self._core("pods"), {"metadata": {"name": pod}, "spec": spec})
        bound = {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": made["metadata"]["uid"]}
        path = f"{self._core('serviceaccounts')}/{self.name}/token"
        asked = {"expirationSeconds": 3600, "boundObjectRef": bound}
        text = self._platform.ask("POST", path, {"spec": asked})["status"]["token"]
        claims = text.split(".")[1]
        identity = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["jti"]
        return Token(text, f"JTI={identity}", pod)

    def kubeconfig(self, folder: pathlib.Path, **user: str) -> pathlib.Path:
        """Writes a kubeconfig to the folder; `user` has the fields of its user entry, such as `tokenFile`."""
        path = folder / "config"
        path.write_text(kubeconfig(self._plane.url, authority=self._plane.ca, user=user))
        return path

    def end(self, token: Token) -> None:
        """Deletes the pod of the token. The API server may accept the token for ten more seconds."""
        self._platform.ask("DELETE", f"{self._core('pods')}/{token.pod}?gracePeriodSeconds=0")

    def requests(self) -> list[dict[str, Any]]:
        """The requests of this account in the audit log of the API server, oldest first."""
        lines = self._plane.audit_log.read_text().splitlines()
        events = (json.loads(line) for line in lines if f'"{self.user}"' in line)
        return [event for event in events if event["user"]["username"] == self.user]

    def _core(self, resource: str) -> str:
        return f"/api/v1/namespaces/{self.namespace}/{resource}"


def _path(manifest: dict[str, Any]) -> str:
    """The path of the collection for a manifest."""
    namespace = manifest["metadata"].get("namespace")
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{manifest['apiVersion']}{inside}/{manifest['kind'].lower()}s"
