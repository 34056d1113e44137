"""Why the API server refuses a pod, from the text of the refusal: of an Event, or of the message of a run.

The texts are those of Kubernetes: quota and LimitRange admission, Pod Security, webhooks, policies, RBAC.
"""

import re
from typing import Final

__all__ = ["refusal_of"]

_TEXTS: Final = (
    (
        "quota",
        re.compile(r"exceeded quota|failed quota|insufficient quota|quota (has been )?exceeded", re.IGNORECASE),
    ),
    (
        "service_account_missing",
        re.compile(r"service ?accounts? \S* ?not found|looking up service account", re.IGNORECASE),
    ),
    (
        "admission_denied",
        re.compile(
            r"violates PodSecurity|admission (webhook|control|plugin)|denied the request|failed calling webhook"
            r"|ValidatingAdmissionPolicy|(min|max)imum (cpu|memory|\S+) usage per|unable to validate against any"
            r"|no PriorityClass with name|is forbidden|cannot create resource|is not permitted",
            re.IGNORECASE,
        ),
    ),
    (
        "pod_creation_failed",
        re.compile(r"(fail\w*|error) (to create|creating)( the)?:? pod|Pod \S+ is invalid", re.IGNORECASE),
    ),
)


def refusal_of(text: str) -> str:
    """The cause; empty if the text is not a known refusal."""
    return next((cause for cause, pattern in _TEXTS if pattern.search(text)), "")
