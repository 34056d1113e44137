"""Faults that the real API server and the real controllers make: no pod is created, or none ends."""

from tests.integration.causes.row_run import FINALIZER, RowRun

__all__ = [
    "CLUSTER_WIDE",
    "deadline",
    "deleting",
    "job_deleting",
    "limit_range",
    "lost_node",
    "orphan",
    "policy",
    "quota",
    "security",
    "webhook",
]

_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_POLICIES = f"{_ADMISSION}/validatingadmissionpolicies"
_BINDINGS = f"{_ADMISSION}/validatingadmissionpolicybindings"
_WEBHOOKS = f"{_ADMISSION}/validatingwebhookconfigurations"
_NAME = "causes.example"
CLUSTER_WIDE = tuple(f"{path}/{_NAME}" for path in (_BINDINGS, _POLICIES, _WEBHOOKS))
"""What is in no namespace and remains."""
_PODS = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
_GREEDY = [
    {"name": "claude-code", "image": "agent:1", "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "2"}}}
]
_LOST = {"nodeName": "lost", "terminationGracePeriodSeconds": 600}
"""A pod of a node without a kubelet: it never ends."""


def quota(at: RowRun) -> None:
    """A ResourceQuota without room for a pod."""
    at.ask("POST", f"{at.core}/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}})
    at.until_refused()
    at.working()


def security(at: RowRun) -> None:
    """The namespace enforces the Pod Security Standard `restricted`."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    at.patch(at.core, {"metadata": {"labels": labels}})
    at.until_refused()
    at.working()


def limit_range(at: RowRun) -> None:
    """A LimitRange, and a pod above its maximum."""
    limits = [{"type": "Container", "max": {"cpu": "1"}}]
    at.ask("POST", f"{at.core}/limitranges", {"metadata": {"name": "most"}, "spec": {"limits": limits}})
    at.until_refused(containers=_GREEDY)
    at.working(pod={"containers": _GREEDY})


def policy(at: RowRun) -> None:
    """A ValidatingAdmissionPolicy that denies every pod."""
    validations = [{"expression": "false", "message": "agents need a budget"}]
    spec = {"matchConstraints": {"resourceRules": [_PODS]}, "validations": validations}
    at.ask("POST", _POLICIES, {"metadata": {"name": _NAME}, "spec": spec})
    binding = {"policyName": _NAME, "validationActions": ["Deny"], "matchResources": _only(at)}
    at.ask("POST", _BINDINGS, {"metadata": {"name": _NAME}, "spec": binding})
    at.until_refused()
    at.working()


def webhook(at: RowRun) -> None:
    """An admission webhook that does not answer, with failurePolicy Fail."""
    hook = {
        "name": f"pods.{_NAME}",
        "rules": [_PODS],
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    at.ask("POST", _WEBHOOKS, {"metadata": {"name": _NAME}, "webhooks": [hook | _only(at)]})
    at.until_refused()
    at.working()


def _only(at: RowRun) -> dict[str, object]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": at.namespace}}}


def lost_node(at: RowRun) -> None:
    """The deadline of the Job has passed, and its pod terminates for ever: its node is gone."""
    at.working(spec={"activeDeadlineSeconds": 1}, pod=_LOST)


def deadline(at: RowRun) -> None:
    """The Job controller fails the Job at its deadline, and the run stays `Running`."""
    at.working(spec={"activeDeadlineSeconds": 1})


def deleting(at: RowRun) -> None:
    """The finalizer of the platform keeps the run."""
    at.working(run=at.run(finalizers=[FINALIZER]))
    at.delete(f"{at.work.runs}/{at.name}")


def job_deleting(at: RowRun) -> None:
    """The Job is deleted in the foreground, and its pod does not end."""
    at.working(pod=_LOST)
    at.until_job("active")
    at.delete(f"{at.work.jobs}/{at.name}-job?propagationPolicy=Foreground")


def orphan(at: RowRun) -> None:
    """The run is deleted, and a finalizer keeps the Job, whose pod works on."""
    at.working(limit="2s", finalizers=(FINALIZER,))
    at.until_job("active")
    at.delete(f"{at.work.runs}/{at.name}")
