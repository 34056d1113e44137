"""Taints that a component sets for the state of a node: the fix is to repair the node or its plugin, not to tolerate.

https://kubernetes.io/docs/reference/labels-annotations-taints, https://karpenter.sh/docs/concepts/nodepools,
https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/utils/taints/taints.go. The names of the
startup taints are those of Cilium, Istio and the CSI drivers.
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

__all__ = ["NAMELESS_FIX", "TAINT_FIXES", "TaintedNodes", "split_taints", "taint_fix", "unfit_fix"]

_TAINTS: Final = (
    (
        r"node\.kubernetes\.io/disk-pressure",
        "Free disk space on the nodes, such as images and logs: their kubelet then removes the taint.",
    ),
    (
        r"node\.kubernetes\.io/memory-pressure",
        "End what uses the memory of the nodes, or add nodes: their kubelet then removes the taint.",
    ),
    (
        r"node\.kubernetes\.io/pid-pressure",
        "End what starts too many processes on the nodes: their kubelet then removes the taint.",
    ),
    (r"node\.kubernetes\.io/network-unavailable", "Repair the network plugin or the cloud's routes of the nodes."),
    (
        r"node\.kubernetes\.io/out-of-service",
        "Start the nodes again and remove the taint that an administrator has set, or add nodes.",
    ),
    (
        r"node\.kubernetes\.io/(not-ready|unreachable)",
        "Repair the nodes: their kubelet does not respond, or is not ready.",
    ),
    (r"node\.kubernetes\.io/unschedulable", "Uncordon nodes, or add nodes."),
    (
        r"node\.cloudprovider\.kubernetes\.io/uninitialized",
        "Repair the cloud-controller-manager: it removes the taint once it has initialized the nodes.",
    ),
    (
        r"node\.cloudprovider\.kubernetes\.io/shutdown",
        "Start the machines of the nodes; if they are gone, delete their Node objects.",
    ),
    (
        r"karpenter\.sh/unregistered",
        "Look at the NodeClaims: the nodes have not registered with Karpenter, which then removes the taint.",
    ),
    (
        r"karpenter\.sh/(disrupt(ed|ion)|unready)",
        "Wait for the nodes that replace these; if none comes, the NodeClaims of Karpenter say why.",
    ),
    (
        r"(ToBeDeleted|DeletionCandidateOf)\w*",
        "Add nodes: the cluster autoscaler removes these. If they stay for long, repair it.",
    ),
    (
        r"aws-node-termination-handler/\S+|cloud\.google\.com/impending-node-termination",
        "Wait for the nodes that replace these, or add nodes: their machines end.",
    ),
    (
        r"(.*[^a-z])?(not-?ready|uninitialized|initializing|startup)([^a-z].*)?",
        "Repair the pods of the plugin that the taint names, on the nodes: it removes the taint when it is ready.",
    ),
    (
        r"(.*[^a-z])?(unhealthy|unreachable|unavailable|remediation|quarantined?|maintenance|drain(ing)?)([^a-z].*)?",
        "Repair the nodes, or wait for the end of the work that the taint names.",
    ),
)
"""By the key of the taint, the first match decides. Without a match, the taint reserves the node for other pods."""
TAINT_FIXES: Final = tuple(fix for _, fix in _TAINTS)
NAMELESS_FIX: Final = (
    "Repair nodes that are not ready; else add a node that fits, or correct the node selector and tolerations."
)
"""The fix if the scheduler does not name the taints, as newer versions do not."""
_KEYS: Final = [(re.compile(key, re.IGNORECASE), fix) for key, fix in _TAINTS]
_TEXT: Final = re.compile(
    r"(\d+) node\(s\) had (?:untolerated )?taint(?:\(s\))?"
    r"(?: \{([^:}]{0,317})[^}]{0,80}\}(?:, that the pod didn't tolerate)?)?"
)
"""In the message of the scheduler, also of older versions: pkg/scheduler/framework/plugins/tainttoleration."""
_FULL: Final = re.compile(r"(\d+) (?:Insufficient|Too many pods)")
_MAX_FIXES: Final = 2
_ROLES: Final = re.compile(r"node-role\.kubernetes\.io/(control-plane|master|etcd)")


class TaintedNodes(NamedTuple):
    """A number of nodes with a taint. `key` is empty if the scheduler does not name it."""

    number: int
    key: str

    @property
    def fix(self) -> str:
        """What removes the taint; empty for a taint that reserves the nodes for other pods."""
        return NAMELESS_FIX if not self.key else taint_fix(self.key)


def taint_fix(key: str) -> str:
    """What removes a taint that a component has set for the state of a node; empty for others."""
    return next((fix for pattern, fix in _KEYS if pattern.fullmatch(key)), "")


def split_taints(text: str) -> tuple[list[TaintedNodes], str]:
    """The tainted nodes in a message of the scheduler, without control planes, and the text without the taints."""
    found = [TaintedNodes(min(int(match[1][:9]), 10**6), (match[2] or "").strip()) for match in _TEXT.finditer(text)]
    return [one for one in found if not _ROLES.fullmatch(one.key)], _TEXT.sub("", text)


def unfit_fix(text: str, fix_of_rest: Callable[[str], str]) -> str:
    """The fix for a message of the scheduler with taints that a component has set; empty without such taints.

    `fix_of_rest` returns the fix for the other reasons in the message. That of most nodes comes first.
    """
    tainted, rest = split_taints(text)
    numbers: Counter[str] = Counter()
    for one in tainted:
        numbers[one.fix] += one.number
    other = fix_of_rest(rest)
    if numbers.pop("", 0) and not numbers:
        return ""
    if [*numbers] == [NAMELESS_FIX]:
        return other or NAMELESS_FIX
    numbers.pop(NAMELESS_FIX, 0)
    repair = " ".join(fix for fix, _ in numbers.most_common(_MAX_FIXES))
    full = max((int(match[1][:9]) for match in _FULL.finditer(rest)), default=0)
    return " ".join(filter(None, (other, repair) if full > numbers.total() else (repair, other)))
