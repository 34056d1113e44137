"""The shipped admission policies at work, bound to a test's own namespaces, and what the API server answers then."""

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
    "AGENT",
    "AGENTS",
    "BOLT",
    "CLEANUP",
    "FILES",
    "OTHERS",
    "OUT",
    "Answer",
    "Jobs",
    "applied",
    "apply",
    "ask",
    "namespace_of",
]

AGENT = {"component": "code-runner"}
"""The label of an agent's Job."""
OUT = {"coderun-exporter/admission": "none"}
"""Who opts out: as an annotation of an object, or a label of a namespace."""
_CONTROLLER = {"kind": "CodeRun", "name": "play", "uid": "1", "apiVersion": "agents.platform/v1", "controller": True}
BOLT = {"kind": "BoltRun", "name": "upgrade", "uid": "2", "apiVersion": "cto.5dlabs.ai/v1alpha1", "controller": True}
"""The owner of a BoltRun's Job."""
CLEANUP = {"cleanup.cto.dev/kind": "workspace-cleanup"}
"""The label of the Job that removes a run's workspace; it has no owner."""
AGENTS = {
    "a run's label": {"labels": AGENT},
    "a DocsRun's label": {"labels": {"component": "docs-generator"}},
    "its CodeRun": {"ownerReferences": [_CONTROLLER]},
    "its DocsRun of a later version": {
        "ownerReferences": [_CONTROLLER | {"kind": "DocsRun", "apiVersion": "agents.platform/v2"}]
    },
    "its CodeRun of the older group": {"ownerReferences": [_CONTROLLER | {"apiVersion": "orchestrator.platform/v1"}]},
    "its BoltRun": {"ownerReferences": [BOLT]},
    "a workspace cleanup's label": {"labels": CLEANUP},
}
"""Metadata of Jobs that are an agent's."""
OTHERS = {
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
"""Metadata of Jobs that are not."""

FILES = pathlib.Path(__file__).resolve().parents[2] / "deploy/policies"
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_PLURALS = {
    "MutatingAdmissionPolicy": "mutatingadmissionpolicies",
    "MutatingAdmissionPolicyBinding": "mutatingadmissionpolicybindings",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}


class Answer(NamedTuple):
    """Status, body, and the texts of the headers `Warning`."""

    code: int
    body: Any
    warnings: list[str]

    @property
    def limits(self) -> tuple[int | None, int]:
        """The activeDeadlineSeconds and backoffLimit of the Job, which was let in."""
        assert self.code == 201, self.body
        return self.body["spec"].get("activeDeadlineSeconds"), self.body["spec"]["backoffLimit"]


class Jobs:
    """Jobs that are sent to a namespace where policies are at work."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.plane = plane
        self.namespace = namespace
        self.path = f"/apis/batch/v1/namespaces/{namespace}/jobs"

    def send(
        self, *, name: str = "play-1", spec: dict[str, Any] | None = None, dry: bool = True, **metadata: Any
    ) -> Answer:
        """The answer for a Job with so much in its spec, beside its template; an agent's unless metadata say else."""
        job = objects.job(name, **(metadata or {"labels": AGENT}))
        job["spec"] |= spec or {}
        return ask(self.plane, "POST", self.path, job, dry=dry)

    def until_limited(self) -> None:
        """Wait until an agent's Job is given a deadline here."""
        until(lambda: self.send().limits[0], what="the policy that gives limits is at work")

    def until_warned(self) -> Answer:
        """Wait until an agent's Job without limits is warned of here; the answer."""
        return until(lambda: answer if (answer := self.send()).warnings else None, what="the policy warns")

    def until_refused(self) -> Answer:
        """Wait until an agent's Job without limits is refused here; the answer."""
        return until(lambda: answer if (answer := self.send()).code != 201 else None, what="the policy refuses")

    def until_let_in(self) -> Answer:
        """Wait until an agent's Job without limits is no longer refused; the answer."""
        return until(lambda: answer if (answer := self.send()).code == 201 else None, what="the Job is let in")


def namespace_of(plane: ControlPlane, **labels: str) -> str:
    """A new namespace, by its name."""
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
    """The documents of those files as `kubectl apply` would have them, and gone afterwards.

    Policies are the cluster's, so each binding is held to `namespaces`, beside what it says itself. `changes`
    replaces text of the files, which has to be there. A policy takes half a second to work: ask until it does.
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
    """Apply one file, over what may be there; gives the paths of its objects."""
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
) -> Answer:
    """The answer with its warnings; `dry` asks only what would become of it."""
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{plane.url}{path}{'?dryRun=All' if dry else ''}",
        method=method,
        data=json.dumps(body).encode(),
        headers={"Content-Type": content_type, "Authorization": f"Bearer {ADMIN_TOKEN}"},
    )
    trust = ssl.create_default_context(cafile=plane.ca)
    try:
        with urllib.request.urlopen(request, context=trust, timeout=30) as answer:  # noqa: S310 - loopback
            return Answer(answer.status, json.load(answer), _warnings(answer.headers.get_all("Warning")))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, json.load(error), _warnings(error.headers.get_all("Warning")))


def _warnings(headers: list[str] | None) -> list[str]:
    """Without code and agent: `299 - "text"`, RFC 7234."""
    return [header.split(" ", 2)[2].strip('"').replace('\\"', '"') for header in headers or []]
