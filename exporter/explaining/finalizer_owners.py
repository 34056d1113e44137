"""The failing controller of a dump that should remove a finalizer: the domain of the finalizer names it."""

import re
import shlex
from collections.abc import Sequence
from typing import Final

import msgspec

from exporter.diagnosis.explanation import FindingView
from exporter.diagnosis.finding import MAX_EVIDENCE
from exporter.explaining.other_pods import OtherPod
from exporter.explaining.workloads_down import DownWorkload
from exporter.untrusted import shorten

__all__ = ["with_finalizer_owner"]

_FINALIZERS: Final = re.compile(r"finalizers? ((?:[^ ]+, )*[^ ]+) keeps? ")
_GENERIC: Final = frozenset(
    {
        *("batch", "com", "controller", "dev", "finalizer", "github", "internal", "kubernetes", "net"),
        *("operator", "org", "platform", "resource", "sigs", "system"),
    }
)
"""Words in the domain of a finalizer that name no controller."""
_BUILT_IN: Final = re.compile(r"(batch\.)?kubernetes\.io/.*|foregroundDeletion|orphan")
"""Those of kube-controller-manager."""


def with_finalizer_owner(one: FindingView, pods: Sequence[OtherPod], down: Sequence[DownWorkload]) -> FindingView:
    """The finding, with the failing pod, or the workload without pods, that should remove the finalizer."""
    match = _FINALIZERS.search(one.evidence) if one.cause == "finalizer_stuck" else None
    words = _words(match[1].split(", ")) if match else set()
    every: list[OtherPod | DownWorkload] = [*pods, *down]
    for item in every:
        if words & {*item.name.split("-")}:
            if isinstance(item, OtherPod):
                text, kind = f"pod {item.namespace}/{item.name} fails: {item.why}", "pod"
            else:
                text, kind = f"{item.kind} {item.namespace}/{item.name} {item.why}", item.kind.lower()
            command = f"kubectl -n {shlex.quote(item.namespace)} describe {kind} {shlex.quote(item.name)}"
            evidence = shorten(f"{one.evidence}; {text}", limit=MAX_EVIDENCE)
            return msgspec.structs.replace(one, evidence=evidence, next=command)
    return one


def _words(finalizers: Sequence[str]) -> set[str]:
    """The words of the domains, without those that name no controller."""
    domains = (name.partition("/")[0].lower() for name in finalizers if not _BUILT_IN.fullmatch(name))
    return {word for domain in domains for word in re.findall(r"[a-z]{4,}", domain)} - _GENERIC
