"""When a cause of a start that fails is a fault: at once if it cannot mend itself, else after two minutes.

Volumes, networks, registries and webhooks often fail for seconds when a pod starts, and the component tries again.
"""

import re
from typing import Final

from exporter.diagnosis.refusals import without_free_text

__all__ = ["START_GRACE", "is_lasting"]

START_GRACE: Final = 120.0
"""Seconds after the creation of the Pod. The kubelet repeats a failed mount after at most two minutes."""
_LASTING: Final = {
    "admission_denied": re.compile(r"calling webhook.*x509"),
    "image_pull": re.compile(
        r"InvalidImageName|ErrImageNeverPull|SignatureValidationFailed|not found|manifest unknown|does not exist"
        r"|no match(ing manifest)? for|unauthorized|denied|forbidden",
        re.IGNORECASE,
    ),
    "container_cannot_be_created": re.compile(
        r"could not be started|CrashLoopBackOff|runAsNonRoot|run as root|no runtime for|user namespaces",
        re.IGNORECASE,
    ),
    "volume_waiting": re.compile(
        r"(persistentvolumeclaim|storageclass)\S* \S+ not found|in phase Lost", re.IGNORECASE
    ),
}
"""By cause, texts of failures that only a change can mend: of an object, an image or a permission."""
_PASSING: Final = re.compile(
    r"failed calling webhook|failed to call webhook|internal error|internal server error|time(d )?out"
    r"|deadline ?exceeded|connection (refused|reset|lost)|etcdserver|try again|too ?many ?requests|rate limit"
    r"|unavailable|no such host|dial tcp|object has been modified|failed to sync|name .{0,80} is reserved"
    r"|exceeds QPS|\bEOF\b",
    re.IGNORECASE,
)
_PASS: Final = frozenset({"admission_denied", "pod_creation_failed", "image_pull", "container_cannot_be_created"})
"""Causes that only a change can mend, except with the texts of `_PASSING` and `_STAGES`."""
_STAGES: Final = ("FailedCreatePodSandBox", "FailedPrepareDynamicResources", "NetworkNotReady", "FailedKillPod")
"""Reasons of Events about the network or the devices of a Pod, which a driver on the node may not have set up yet."""


def is_lasting(cause: str, evidence: str) -> bool:
    """Whether the cause of a failed start cannot mend itself."""
    pattern = _LASTING.get(cause)
    if pattern is not None and pattern.search(evidence):
        return True
    is_passing = evidence.startswith(_STAGES) or _PASSING.search(without_free_text(evidence))
    return cause in _PASS and not is_passing
