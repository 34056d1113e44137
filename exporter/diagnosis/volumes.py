"""What the Events about a PersistentVolumeClaim say about a Pod that waits for its volume. Only a dump has them.

The claim is bound, or its volume created, before the Pod gets a node.
"""

import re
import shlex
from typing import Final

import msgspec

from exporter.cache import Event, ObjectCache, Pod
from exporter.diagnosis.events import words
from exporter.diagnosis.finding import MAX_EVIDENCE, Finding
from exporter.diagnosis.stages import recent
from exporter.untrusted import one_line

__all__ = ["CLAIM", "PROVISIONING", "claim_key", "with_claim"]

CLAIM: Final = "PersistentVolumeClaim"
PROVISIONING: Final = "ExternalProvisioning"
"""The reason of an Event of type `Normal`: the claim waits for its driver, which may not be running."""
_NAMED: Final = re.compile(
    r'persistentvolumeclaims? "?(?!with )([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)"? ?', re.IGNORECASE
)


def claim_key(uid: str) -> str:
    """Replaces the UID in Events about the claims of the Pod with this UID."""
    return f"{uid}/claim"


def with_claim(finding: Finding, pod: Pod, cache: ObjectCache) -> Finding:
    """The finding that a Pod waits for a volume, with the newest warning about its claim and the claim's command."""
    event = None if pod.node else _newest(pod, cache)
    match = _NAMED.search(finding.evidence)
    name = event.about_name if event else match[1] if match else ""
    if not name:
        return finding
    said = [f"{CLAIM} {name}: {words(event)}"] if event else []
    if event is None or event.normal:  # a warning says more than the scheduler does
        said.insert(0, finding.evidence.removesuffix(".") if event else finding.evidence)
    text = "; ".join(said)
    command = f"kubectl -n {shlex.quote(pod.namespace)} describe pvc {shlex.quote(name)}"
    return msgspec.structs.replace(finding, evidence=one_line(text, limit=MAX_EVIDENCE), next=command)


def _newest(pod: Pod, cache: ObjectCache) -> Event | None:
    """The newest warning; without one, that the claim waits for its driver."""
    events = recent(cache.events_about(claim_key(pod.uid)))
    return min(events, key=lambda event: (event.normal, -(event.last or 0.0)), default=None)
