"""Checks the permission to create token reviews, which `web.kubernetes_auth` needs.

Source: https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/
"""

import asyncio

import msgspec

from exporter.checks.finding import HEALTHY, UNKNOWN, Finding
from exporter.checks.merging import error_cause
from exporter.kube.client import KubeClient
from exporter.kube.errors import InvalidResponseError, KubeError, ServerError, UnauthorizedError, UnreachableError

__all__ = ["check_reviews"]

_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"  # every user may create it
_SHARED = (UnreachableError, UnauthorizedError, ServerError)  # errors that affect the lists as well
_NEEDED = (("authentication.k8s.io", "tokenreviews"), ("authorization.k8s.io", "subjectaccessreviews"))


class _Status(msgspec.Struct):
    allowed: bool = False


class _Response(msgspec.Struct):
    status: _Status


async def check_reviews(client: KubeClient, *, needed: bool) -> list[Finding]:
    """A finding for each of the two reviews."""
    return await asyncio.gather(*(_check(client, *each) for each in _NEEDED)) if needed else []


async def _check(client: KubeClient, group: str, resource: str) -> Finding:
    subject = f"{resource}.{group}"
    attributes = {"verb": "create", "group": group, "resource": resource}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    try:
        allowed = _decode_is_allowed(await client.review(_PATH, msgspec.json.encode(review)))
    except KubeError as error:
        cause = error_cause(error, path=_PATH) if isinstance(error, _SHARED) else ""
        return Finding(
            status=UNKNOWN, subject=subject, text=f"cannot be checked: {error}", cause=cause, area="token reviews"
        )
    if not allowed:
        text = "not permitted: grant the verb create, for example with coderun-exporter rbac --web.kubernetes-auth"
        return Finding(status=UNKNOWN, subject=subject, text=text)
    return Finding(status=HEALTHY, subject=subject, text="can be created")


def _decode_is_allowed(body: bytes) -> bool:
    try:
        return msgspec.json.decode(body, type=_Response).status.allowed
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidResponseError(f"the response at {_PATH} is not a review", code="not_json") from error
