"""Which nodes of a dump a taint closes for a pod that no node fits, and which failing pod has set the taint."""

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from exporter.diagnosis.explanation import FindingView
from exporter.diagnosis.finding import MAX_EVIDENCE
from exporter.diagnosis.taints import split_taints, taint_fix
from exporter.explaining.nodes import NodeState
from exporter.explaining.other_pods import OtherPod
from exporter.plurals import plural
from exporter.untrusted import shorten

__all__ = ["with_tainted_nodes"]

_CORDONED: Final = "node.kubernetes.io/unschedulable"
_MAX_SHOWN: Final = 2
_MAX_WHY_LENGTH: Final = 120
_MAX_POD_LENGTH: Final = 100
_NETWORK: Final = re.compile(r"\bcni\b|network", re.IGNORECASE)
_PLUGINS: Final = re.compile(
    r"cni|calico|cilium|flannel|weave|canal|antrea|multus|ovn|kube-router|aws-node|kindnet|netd", re.IGNORECASE
)
"""Names of pods of network plugins."""
_GENERIC: Final = frozenset(
    {"node", "kubernetes", "agent", "ready", "not", "com", "csi", "dev", "driver", "startup", "taint", "cluster"}
)
"""Words in keys of taints that name no plugin."""


def with_tainted_nodes(one: FindingView, nodes: Sequence[NodeState], pods: Sequence[OtherPod]) -> FindingView:
    """The finding, with the nodes of which a component has set the taint that it names.

    Newer schedulers do not name the taint: then it is any such taint of a node, and its fix that of the finding.
    """
    if one.cause != "unschedulable":
        return one
    found, _ = split_taints(one.evidence)
    keys = {item.key for item in found if item.fix and item.key}
    keys |= {_CORDONED} if "were unschedulable" in one.evidence else set()
    is_nameless = any(not item.key for item in found)
    closed = {node.name: key for node in nodes if (key := _key(node, keys, is_nameless=is_nameless))}
    near = [node for node in nodes if node.name in closed]
    if not near:
        return one
    whys = {node.name: node.why for node in near}
    causing = next((pod for pod in pods if pod.node in closed and _is_plugin(pod, closed[pod.node], whys)), None)
    texts = [_words(node, closed[node.name]) for node in near[:_MAX_SHOWN]]
    if len(near) > _MAX_SHOWN:
        texts[-1] += f" and {plural(len(near) - _MAX_SHOWN, 'more node')}"
    command = f"kubectl describe nodes {shlex.quote(near[0].name)}"
    if causing is not None:
        texts.append(f"pod {causing.name} on node {causing.node} fails: {_short(causing.why, _MAX_POD_LENGTH)}")
        command = f"kubectl -n {shlex.quote(causing.namespace)} describe pod {shlex.quote(causing.name)}"
    added = "; ".join(texts)
    head = shorten(one.evidence.removesuffix("."), limit=max(MAX_EVIDENCE - len(added) - 2, 80))
    return msgspec.structs.replace(
        one,
        evidence=shorten(f"{head}; {added}", limit=MAX_EVIDENCE),
        next=command,
        fix=one.fix if keys else _fix(closed.values()),
    )


def _key(node: NodeState, keys: set[str], *, is_nameless: bool) -> str:
    """The taint of the node that closes it: one of `keys`, or if the scheduler names none, any of a component."""
    every = node.state_taints() if is_nameless else (key for key in node.taints if key in keys)
    return next(every, "")


def _fix(keys: Iterable[str]) -> str:
    return Counter(map(taint_fix, keys)).most_common(1)[0][0]


def _words(node: NodeState, key: str) -> str:
    if key == _CORDONED:
        return f"node {node.name} is cordoned"
    return f"node {node.name}: {_short(node.why, _MAX_WHY_LENGTH) if node.why else f'taint {key}'}"


def _is_plugin(pod: OtherPod, key: str, whys: Mapping[str, str]) -> bool:
    """Whether the pod is of the plugin that the taint names, or of the network that its node lacks."""
    words = set(re.findall(r"[a-z]{3,}", key.lower())) - _GENERIC
    if any(part in words for part in pod.name.split("-")):
        return True
    return bool(_NETWORK.search(whys[pod.node]) and _PLUGINS.search(pod.name))


def _short(text: str, limit: int) -> str:
    return shorten(text.rstrip("."), limit=limit)
