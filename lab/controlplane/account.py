"""A ServiceAccount that may do what `coderun-exporter rbac` prints, and nothing else."""

import base64
import json
import pathlib
import subprocess
import sys
from typing import Any, NamedTuple

from lab import fast_yaml
from lab.controlplane.plane import ControlPlane
from lab.controlplane.workplace import Workplace
from lab.kubeconfig import kubeconfig

__all__ = ["ServiceAccount", "Token"]

_MERGE_PATCH = "application/merge-patch+json"


class Token(NamedTuple):
    """A bearer token; `identity` is how the API server's audit log calls it, `pod` what it is bound to."""

    text: str
    identity: str
    pod: str

    def write(self, path: pathlib.Path) -> None:
        """In one step, as the kubelet does it."""
        new = path.with_name(f"{self.pod}-token")
        new.write_text(self.text)
        new.replace(path)


class ServiceAccount:
    """The account NAME of a workplace's namespace, its pods and their tokens.

    `settings` is the settings file that the manifests are made of.
    """

    def __init__(self, plane: ControlPlane, place: Workplace, *, settings: pathlib.Path) -> None:
        self.name = self.namespace = place.namespace
        self.user = f"system:serviceaccount:{self.namespace}:{self.name}"
        self._plane = plane
        self._place = place
        place.ask("POST", self._core("serviceaccounts"), {"metadata": {"name": self.name}})
        command = [sys.executable, "-m", "exporter", "rbac", "--config.file", str(settings)]
        command += [f"--service-account.name={self.name}", f"--service-account.namespace={self.namespace}"]
        made = subprocess.run(command, check=True, capture_output=True, timeout=30).stdout
        self.manifests: list[dict[str, Any]] = list(fast_yaml.load_all(made))

    def grant(self) -> None:
        """Create the manifests as they are."""
        for manifest in self.manifests:
            self._place.ask("POST", _path(manifest), manifest)

    def revoke(self) -> None:
        """Delete all of them: those of the cluster would outlive the namespace."""
        for manifest in self.manifests:
            self._plane.request("DELETE", f"{_path(manifest)}/{manifest['metadata']['name']}")

    def rules(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Every rule that is granted, each with its role."""
        return [(role, rule) for role in self.manifests for rule in role.get("rules", ())]

    def set_rules(self, role: dict[str, Any], rules: list[dict[str, Any]]) -> None:
        """The rules that a role has from now on."""
        path = f"{_path(role)}/{role['metadata']['name']}"
        self._place.ask("PATCH", path, {"rules": rules}, content_type=_MERGE_PATCH)

    def token(self, pod: str) -> Token:
        """A token as a pod gets it: worth nothing once that pod is gone, which is made for it."""
        spec = {"serviceAccountName": self.name, "containers": [{"name": "exporter", "image": "exporter:1"}]}
        made = self._place.ask("POST", self._core("pods"), {"metadata": {"name": pod}, "spec": spec})
        bound = {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": made["metadata"]["uid"]}
        path = f"{self._core('serviceaccounts')}/{self.name}/token"
        asked = {"expirationSeconds": 3600, "boundObjectRef": bound}
        text = self._place.ask("POST", path, {"spec": asked})["status"]["token"]
        claims = text.split(".")[1]
        identity = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["jti"]
        return Token(text, f"JTI={identity}", pod)

    def kubeconfig(self, folder: pathlib.Path, **user: str) -> pathlib.Path:
        """A file for a user entry of that kind, in that folder."""
        path = folder / "config"
        path.write_text(kubeconfig(self._plane.url, authority=self._plane.ca, user=user))
        return path

    def end(self, token: Token) -> None:
        """Its pod is gone at once; the API server may still accept the token for ten seconds."""
        self._place.ask("DELETE", f"{self._core('pods')}/{token.pod}?gracePeriodSeconds=0")

    def requests(self) -> list[dict[str, Any]]:
        """What the API server's audit log says of this account, oldest first."""
        lines = self._plane.audit_log.read_text().splitlines()
        events = (json.loads(line) for line in lines if f'"{self.user}"' in line)
        return [event for event in events if event["user"]["username"] == self.user]

    def _core(self, resource: str) -> str:
        return f"/api/v1/namespaces/{self.namespace}/{resource}"


def _path(manifest: dict[str, Any]) -> str:
    """Where objects of its kind are."""
    namespace = manifest["metadata"].get("namespace")
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{manifest['apiVersion']}{inside}/{manifest['kind'].lower()}s"
