"""Next commands that depend on the evidence: the first text that the evidence contains decides."""

import re
from typing import Final

__all__ = ["next_of"]

_NODES: Final = "kubectl get nodes --show-labels"
_TAINTS: Final = "kubectl get nodes -o 'custom-columns=NAME:.metadata.name,TAINTS:.spec.taints[*].key'"
_CLAIMS: Final = "kubectl -n $namespace get resourceclaims,resourceclaimtemplates"
_NODE: Final = "kubectl describe nodes $node"
_RUNTIMES: Final = "kubectl get runtimeclasses.node.k8s.io"
_NEXT: Final = {
    "admission_denied": ((r"RuntimeClass \S+ not found", _RUNTIMES),),
    "unschedulable": (
        (
            "max volume count",
            "kubectl get csinodes -o 'custom-columns=NODE:.metadata.name,MAX:.spec.drivers[*].allocatable.count'",
        ),
        (
            "topology spread",
            "kubectl -n $namespace get $resource $name -o 'jsonpath={.spec.topologySpreadConstraints}'",
        ),
        ("(?i:device ?class)", "kubectl get deviceclasses.resource.k8s.io"),
        ("allocate all claims|(?i:resource ?claim)", _CLAIMS),
        ("Insufficient|Too many pods", ""),
        ("node affinity/selector", _NODES),
        ("untolerated taint|had taint", _TAINTS),
    ),
    "container_cannot_be_created": (
        ("no runtime for|RuntimeHandler", _RUNTIMES),
        ("user namespace|idmap|IDMAP|sandbox image", _NODE),
        ("DRA driver|dynamic resources", "kubectl get resourceslices.resource.k8s.io"),
    ),
}
_PATTERNS: Final = {cause: [(re.compile(text), command) for text, command in rows] for cause, rows in _NEXT.items()}


def next_of(cause: str, evidence: str) -> str:
    """The next command of a cause with this evidence; empty: that of the table of causes."""
    return next((command for pattern, command in _PATTERNS.get(cause, ()) if pattern.search(evidence)), "")
