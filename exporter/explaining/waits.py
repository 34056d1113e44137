"""Adds to findings the Service without ready endpoints that a container or a webhook needs, and memory limits."""

import re
import shlex
from typing import Final

import msgspec

from exporter.diagnosis.explanation import Explanation, FindingView
from exporter.diagnosis.finding import MAX_EVIDENCE
from exporter.explaining.snapshot import Snapshot
from exporter.untrusted import shorten

__all__ = ["with_memory_limit", "with_service", "with_webhook"]

_STUCK: Final = re.compile(r"^(?:init container|native sidecar) (\S+) is running")
_FAILED: Final = re.compile(
    r"container ([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\b.*(?:a connection fails|cannot be resolved)"
)
_ENDED: Final = frozenset({"init_container_failed", "container_failed", "crash_loop"})
_KILLED: Final = re.compile(r"container ([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\b")
_WEBHOOK: Final = re.compile(
    r"(?:failed )?calling webhook .*?Post \W?(?:https?://)?([a-z0-9-]+)\.([a-z0-9-]+)\.svc\b"
)
_RAISE: Final = "Raise the memory limit of the container, or let it use less."
_SET: Final = "Set a request and a limit of memory, and end what fills the node."
_WHO: Final = "who runs the Service"
_CREATE: Final = (
    "If it needs Service {}/{}, create it or correct its name in the pod; else its log says what it waits for."
)


def with_service(one: FindingView, run: Explanation, snapshot: Snapshot) -> FindingView:
    """The finding of a container that waits or cannot connect, with the Service that its command names.

    Silent if the Service has ready endpoints, or if the dump does not show that.
    """
    pattern = _STUCK if one.cause == "init_container_stuck" else _FAILED if one.cause in _ENDED else None
    match = pattern.search(one.evidence) if pattern else None
    spec = next(snapshot.specs.of(run, match[1]), None) if match else None
    for namespace, name in snapshot.services.named(spec.texts, run.namespace) if spec else ():
        broken = snapshot.services.broken(namespace, name, snapshot.failing, snapshot.down)
        words, fix, command = broken or ("", "", "")
        if snapshot.services.is_absent(namespace, name) and not snapshot.is_partial:
            words, fix = "which does not exist", _CREATE.format(namespace, name)
            command = f"kubectl -n {shlex.quote(namespace)} get services"
        if words:
            text = f"{one.evidence}; its command or environment names Service {namespace}/{name}, {_which(words)}"
            evidence = shorten(text, limit=MAX_EVIDENCE)
            return msgspec.structs.replace(one, evidence=evidence, fix=fix, next=command, act=_WHO)
    return one


def _which(words: str) -> str:
    return words if words.startswith("which") else f"which {words}"


def with_webhook(one: FindingView, snapshot: Snapshot) -> FindingView:
    """The finding that a webhook cannot be called, with the failing pods or the workload behind its Service."""
    match = (
        _WEBHOOK.search(one.evidence)
        if one.cause == "admission_denied" and "denied the" not in one.evidence
        else None
    )
    if match is None:
        return one
    name, namespace = match[1], match[2]
    where = f"kubectl -n {shlex.quote(namespace)}"
    if pods := snapshot.services.failing(namespace, name, snapshot.failing):
        text = f"pod {namespace}/{pods[0].name} of its Service fails: {pods[0].why}"
        command = f"{where} describe pod {shlex.quote(pods[0].name)}"
    elif broken := snapshot.services.broken(namespace, name, (), snapshot.down):
        text, command = f"its Service {namespace}/{name} {broken.words}", broken.command
    else:
        return one
    evidence = shorten(f"{one.evidence}; {text}", limit=MAX_EVIDENCE)
    return msgspec.structs.replace(one, evidence=evidence, next=command)


def with_memory_limit(one: FindingView, run: Explanation, snapshot: Snapshot) -> FindingView:
    """The finding of an OOMKilled container, with its memory limit, or that it has none."""
    match = _KILLED.search(one.evidence) if one.cause == "oom_killed" else None
    spec = next(snapshot.specs.of(run, match[1]), None) if match else None
    if spec is None:
        return one
    words = f"its memory limit is {spec.memory}" if spec.memory else "it has no memory limit: the node was full"
    evidence = shorten(f"{one.evidence}; {words}", limit=MAX_EVIDENCE)
    return msgspec.structs.replace(one, evidence=evidence, fix=_RAISE if spec.memory else _SET)
