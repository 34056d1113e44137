"""Why the API server rejects a pod, from the error text in an Event or in the message of a run.

The texts are those of Kubernetes: quota and LimitRange admission, Pod Security, webhooks, policies, RBAC.
"""

import re
from typing import Final

__all__ = ["refusal_of", "without_free_text"]

_TEXTS: Final = (
    (
        "quota",
        re.compile(
            r"exceeded quota|failed quota|insufficient quota|quota (has been )?exceeded"
            r"|status unknown for quota|quota evaluation timed out",
            re.IGNORECASE,
        ),
    ),
    (
        "service_account_missing",
        re.compile(r"service ?accounts? \S* ?not found|looking up service account", re.IGNORECASE),
    ),
    ("pod_creation_failed", re.compile(r"because it is being terminated", re.IGNORECASE)),  # the namespace
    (
        "admission_denied",
        re.compile(
            r"violates PodSecurity|admission (webhook|control|plugin)|denied the request|failed calling webhook"
            r"|(Validating|Mutating)AdmissionPolicy|(min|max)imum (cpu|memory|\S+) usage per"
            r"|unable to validate against any|no PriorityClass with name|is forbidden"
            r"|cannot create resource|is not permitted",
            re.IGNORECASE,
        ),
    ),
    (
        "pod_creation_failed",
        re.compile(r"(fail\w*|error) (to create|creating)( the)?:? pod|Pod \S+ is invalid", re.IGNORECASE),
    ),
)

_FREE_TEXT: Final = re.compile(
    r"admission webhook \S+ denied the request|(Validating|Mutating)AdmissionPolicy .{0,200}? denied request"
    r"|failed calling webhook",
    re.IGNORECASE,
)
"""The end of the text of Kubernetes. The text of a webhook or a policy follows, which may contain anything."""


def without_free_text(text: str) -> str:
    """The text of Kubernetes, without the text of a webhook or a policy."""
    head = _FREE_TEXT.search(text)
    return text[: head.end()] if head else text


def refusal_of(text: str) -> str:
    """The cause for the text of an error; empty if the text is unknown."""
    text = without_free_text(text)
    return next((cause for cause, pattern in _TEXTS if pattern.search(text)), "")
