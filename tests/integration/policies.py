"""Applies the shipped admission policies in namespaces of a test, and sends Jobs there."""

import contextlib
import json
import pathlib
import ssl
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lab import fast_yaml
from lab.controlplane import objects
from lab.controlplane.plane import ADMIN_TOKEN, ControlPlane
from lab.waiting import until

__all__ = [
    "AGENT_JOBS",
    "AGENT_LABEL",
    "BOLT",
    "CLEANUP",
    "FILES",
    "OPT_OUT",
    "OTHER_JOBS",
    "Jobs",
    "Response",
    "applied",
    "apply",
    "ask",
    "namespace_of",
]

AGENT_LABEL = {"component": "code-runner"}
"""The label of an agent's Job."""
OPT_OUT = {"coderun-exporter/admission": "none"}
"""Opts out of the policies, as an annotation of an object or as a label of a namespace."""
_CONTROLLER = {"kind": "CodeRun", "name": "play", "uid": "1", "apiVersion": "agents.platform/v1", "controller": True}
BOLT = {"kind": "BoltRun", "name": "upgrade", "uid": "2", "apiVersion": "cto.5dlabs.ai/v1alpha1", "controller": True}
"""The owner of a BoltRun's Job."""
CLEANUP = {"cleanup.cto.dev/kind": "workspace-cleanup"}
"""The label of a Job that removes the workspace of a run. It has no owner."""
AGENT_JOBS = {
    "a run's label": {"labels": AGENT_LABEL},
    "a DocsRun's label": {"labels": {"component": "docs-generator"}},
    "its CodeRun": {"ownerReferences": [_CONTROLLER]},
    "its DocsRun of a later version": {
        "ownerReferences": [_CONTROLLER | {"kind": "DocsRun", "apiVersion": "agents.platform/v2"}]
    },
    "its CodeRun of the older group": {"ownerReferences": [_CONTROLLER | {"apiVersion": "orchestrator.platform/v1"}]},
    "its BoltRun": {"ownerReferences": [BOLT]},
    "a workspace cleanup's label": {"labels": CLEANUP},
}
"""Metadata of Jobs of agents."""
OTHER_JOBS = {
    "no label and no owner": {"labels": {}},
    "another component": {"labels": {"component": "backup"}},
    "a run that does not control it": {"ownerReferences": [_CONTROLLER | {"controller": False}]},
    "another group's CodeRun": {"ownerReferences": [_CONTROLLER | {"apiVersion": "agents.platform.example/v1"}]},
    "another kind of the group": {"ownerReferences": [_CONTROLLER | {"kind": "Project"}]},
    "another group's BoltRun": {"ownerReferences": [BOLT | {"apiVersion": "agents.platform/v1"}]},
    "a BoltRun that does not control it": {"ownerReferences": [BOLT | {"controller": False}]},
    "another cleanup": {"labels": {"cleanup.cto.dev/kind": "repository-cache"}},
    "only the run's label on it": {"labels": {"cleanup.cto.dev/scope": "run", "cleanup.cto.dev/run": "play"}},
}
"""Metadata of other Jobs."""

FILES = pathlib.Path(__file__).resolve().parents[2] / "deploy/policies"
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_PLURALS = {
    "MutatingAdmissionPolicy": "mutatingadmissionpolicies",
    "MutatingAdmissionPolicyBinding": "mutatingadmissionpolicybindings",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}


class Response(NamedTuple):
    """The status code, the body, and the texts of the `Warning` headers."""

    code: int
    body: Any
    warnings: list[str]

    @property
    def limits(self) -> tuple[int | None, int]:
        """ActiveDeadlineSeconds and backoffLimit of the Job, which must have been created."""
        assert self.code == 201, self.body
        return self.body["spec"].get("activeDeadlineSeconds"), self.body["spec"]["backoffLimit"]


class Jobs:
    """Sends Jobs to a namespace with policies."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.plane = plane
        self.namespace = namespace
        self.path = f"/apis/batch/v1/namespaces/{namespace}/jobs"

    def send(
        self, *, name: str = "play-1", spec: dict[str, Any] | None = None, dry: bool = True, **metadata: Any
    ) -> Response:
        """The response for a Job with this spec added. Without metadata it is a Job of an agent."""
        job = objects.job(name, **(metadata or {"labels": AGENT_LABEL}))
        job["spec"] |= spec or {}
        return ask(self.plane, "POST", self.path, job, dry=dry)

    def until_limited(self) -> None:
        """Waits until a Job of an agent gets a deadline."""
        until(lambda: self.send().limits[0], what="the policy sets limits")

    def until_warned(self) -> Response:
        """Waits until a Job of an agent without limits causes a warning. Returns the response."""
        return until(lambda: answer if (answer := self.send()).warnings else None, what="the policy warns")

    def until_denied(self) -> Response:
        """Waits until a Job of an agent without limits is denied. Returns the response."""
        return until(
            lambda: answer if (answer := self.send()).code != 201 else None, what="the policy denies the Job"
        )

    def until_admitted(self) -> Response:
        """Waits until a Job of an agent without limits is admitted. Returns the response."""
        return until(lambda: answer if (answer := self.send()).code == 201 else None, what="the Job is admitted")


def namespace_of(plane: ControlPlane, **labels: str) -> str:
    """The name of a new namespace with these labels."""
    name = f"policies-{uuid.uuid4().hex[:8]}"
    space = objects.namespace(name)
    space["metadata"]["labels"] = labels
    code, answer = plane.request("POST", "/api/v1/namespaces", space)
    assert code == 201, answer
    return name


@contextlib.contextmanager
def applied(
    plane: ControlPlane, *files: str, namespaces: Sequence[str], changes: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Applies the documents of these files as `kubectl apply` does, and deletes them afterwards.

    Policies apply to the whole cluster, so each binding is limited to `namespaces`. `changes`
    replaces text of the files. A policy is in effect after half a second.
    """
    paths: dict[str, None] = {}
    try:
        for file in files:
            paths |= dict.fromkeys(apply(plane, file, namespaces=namespaces, changes=changes))
        yield
    finally:
        for path in paths:
            plane.request("DELETE", path)


def apply(
    plane: ControlPlane, file: str, *, namespaces: Sequence[str], changes: Mapping[str, str] | None = None
) -> list[str]:
    """Applies a file. Returns the paths of its objects."""
    text = (FILES / file).read_text()
    for old, new in (changes or {}).items():
        assert text.count(old) == 1, f"{file}: {old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    paths = []
    for document in fast_yaml.load_all(text):
        if document["kind"].endswith("Binding"):
            own = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(namespaces)}
            document["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"].append(own)
        paths.append(f"{_ADMISSION}/{_PLURALS[document['kind']]}/{document['metadata']['name']}")
        code, answer = plane.request(
            "PATCH", f"{paths[-1]}?fieldManager=kubectl", document, content_type="application/apply-patch+yaml"
        )
        assert code in {200, 201}, f"{file}: {answer}"
    return paths


def ask(
    plane: ControlPlane,
    method: str,
    path: str,
    body: dict[str, Any],
    *,
    dry: bool = True,
    content_type: str = "application/json",
) -> Response:
    """The response with its warnings. With `dry` nothing is stored."""
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{plane.url}{path}{'?dryRun=All' if dry else ''}",
        method=method,
        data=json.dumps(body).encode(),
        headers={"Content-Type": content_type, "Authorization": f"Bearer {ADMIN_TOKEN}"},
    )
    trust = ssl.create_default_context(cafile=plane.ca)
    try:
        with urllib.request.urlopen(request, context=trust, timeout=30) as answer:  # noqa: S310 - loopback
            return Response(answer.status, json.load(answer), _warnings(answer.headers.get_all("Warning")))
    except urllib.error.HTTPError as error:
        with error:
            return Response(error.code, json.load(error), _warnings(error.headers.get_all("Warning")))


def _warnings(headers: list[str] | None) -> list[str]:
    """The texts without code and agent: `299 - "text"`, RFC 7234."""
    return [header.split(" ", 2)[2].strip('"').replace('\\"', '"') for header in headers or []]
