"""Containers that do not start, fail, or end while others keep the Pod running."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from exporter.cache import Container, ObjectCache, Pod
from exporter.diagnosis.cause_texts import FILE, IMAGE
from exporter.diagnosis.container_words import (
    CREATE,
    UNKNOWN_END,
    creation_words,
    end_words,
    probe_words,
    unread_words,
)
from exporter.diagnosis.end_texts import with_end_fix
from exporter.diagnosis.finding import Finding, found, of_pod
from exporter.diagnosis.kills import ENDED_BY_SIGNAL, Kill, kill_of, stop_words
from exporter.diagnosis.mounts import missing_object
from exporter.diagnosis.node_events import with_node_event
from exporter.diagnosis.pulls import PULL, pull_finding

__all__ = ["failed_containers", "restarting_containers", "waiting_containers"]

_STARTS: Final = frozenset({"StartError", "RunContainerError", "ContainerCannotRun", "VerifyNonRootError"})
"""Reasons that mean that the command or the user of the container does not exist in its image."""
_OF_POD: Final = re.compile(r"mount|idmap|IDMAP|cgroup|CDI|device|seccomp|apparmor|selinux", re.IGNORECASE)
"""Texts of the runtime about the volumes, devices or limits of the Pod, not about its image."""
_OF_A_FILE: Final = re.compile(r"exec:? \"?\.?/[^\s\"]+\"?: ")
"""Texts of the runtime about a file that is executed by its path: a volume may supply it instead of the image."""
_OUT_OF_MEMORY: Final = "OOMKilled"
_BLOCKED: Final = "Blocked"
"""The kubelet does not run the Pod, such as without its AppArmor profile: pkg/kubelet/lifecycle/handlers.go."""
_LOOP: Final = "CrashLoopBackOff"
_RECOVERY_SECONDS: Final = 600.0
"""The kubelet resets the back-off of a container that has run for this time after a restart."""
_RESTART_SECONDS: Final = 60.0
"""The kubelet first restarts a container at once, then after 10 seconds; until then, it has terminated."""
_ROLES: Final = ("main", "init", "side")


def waiting_containers(pod: Pod, cache: ObjectCache) -> Iterator[Finding]:
    """Findings of a Pod that has not started: containers that wait or have failed, and a running init container."""
    if any(one.state == "waiting" and one.reason == _BLOCKED for one in pod.containers):
        text = ": ".join(filter(None, ("the kubelet blocks its containers", pod.reason, pod.message)))
        yield found("container_cannot_be_created", text, about=of_pod(pod), since=pod.started or pod.created)
    for one in pod.containers:
        if one.state == "waiting":
            if (finding := _waiting(pod, one, cache)) is not None:
                yield finding
        elif one.role == "init" and one.state == "running" and not one.sidecar:
            text = f"init container {one.name} is running"
            yield found("init_container_stuck", text, about=of_pod(pod, one.name), since=one.since)
        elif one.unstarted:
            text = f"native sidecar {one.name} is running, and its startup probe or postStart hook has not succeeded"
            since = pod.started if one.restarts else one.since  # its probe has failed since the first start
            text += probe_words(pod, one, cache)
            yield found("init_container_stuck", text, about=of_pod(pod, one.name), since=since)
        elif one.state == "terminated" and one.reason in CREATE:
            yield _not_started(pod, one)
        elif one.role == "init" and one.state == "terminated" and (one.exit_code or one.reason == _OUT_OF_MEMORY):
            cause = "oom_killed" if one.reason == _OUT_OF_MEMORY else "init_container_failed"
            yield with_end_fix(found(cause, end_words(one), about=of_pod(pod, one.name), since=one.since), one)


def _waiting(pod: Pod, one: Container, cache: ObjectCache) -> Finding | None:
    about = of_pod(pod, one.name)
    if one.reason in PULL:
        return pull_finding(pod, one, cache)
    if one.reason in CREATE:
        text = creation_words(pod, one, cache)
        missing = missing_object(text)
        return found(
            missing.cause if missing else "container_cannot_be_created",
            f"container {one.name}: {text}",
            about=about,
            since=pod.started or pod.created,
            command=missing.command if missing else "",
            act="" if missing else _actor(one.reason, text),
        )
    if one.reason == _LOOP:
        return _restarting(pod, one, cache)
    return None


def restarting_containers(pod: Pod, cache: ObjectCache) -> Iterator[Finding]:
    """Findings of a Pod that has started: containers that restart repeatedly, or that were OOM-killed."""
    for one in pod.containers:
        if one.state == "waiting" and one.reason in CREATE | {_LOOP}:
            yield _restarting(pod, one, cache)
        elif one.state == "terminated" and one.reason in CREATE:
            yield _not_started(pod, one)
        elif one.state == "terminated" and one.reason == _OUT_OF_MEMORY:
            yield found("oom_killed", end_words(one), about=of_pod(pod, one.name), since=one.since)
        elif one.state == "terminated" and one.role == "main" and one.exit_code:
            if kill := kill_of(pod, one, cache):
                yield _killed(pod, one, kill)
        elif one.state == "terminated" and one.exit_code and not one.sidecar and _main_works_without(one, pod):
            text = f"{end_words(one, failed=True)}; the main container is running without it"
            about = of_pod(pod, one.name)
            side = found("container_failed", text, about=about, since=one.since, grace=_RESTART_SECONDS)
            yield with_end_fix(side, one)
        elif one.state == "running" and one.last_reason == _OUT_OF_MEMORY:
            text = f"container {one.name} was OOMKilled and restarted"
            finding = found("oom_killed", text, about=of_pod(pod, one.name), since=one.since)
            yield (
                msgspec.structs.replace(finding, settles=_RECOVERY_SECONDS)
                if _main_works_without(one, pod)
                else finding
            )


def _main_works_without(one: Container, pod: Pod) -> bool:
    """Whether it is a container beside a main container that is running."""
    return one.role == "side" and any(main.role == "main" and main.state == "running" for main in pod.containers)


def _not_started(pod: Pod, one: Container) -> Finding:
    """The runtime could not start the process, so the log is empty and the exit code is not from the command."""
    cause, about = "container_cannot_be_created", of_pod(pod, one.name)
    return found(cause, end_words(one), about=about, since=one.since, act=_actor(one.reason, one.message))


def _killed(pod: Pod, one: Container, kill: Kill) -> Finding:
    return found(kill.cause, f"{end_words(one)}: {kill.text}", about=of_pod(pod, one.name), since=one.since)


def _restarting(pod: Pod, one: Container, cache: ObjectCache) -> Finding:
    cause = "init_container_failed" if one.role == "init" and not one.sidecar else "crash_loop"
    if one.last_reason == _OUT_OF_MEMORY:
        cause = "oom_killed"
    elif one.last_reason in CREATE or one.reason in CREATE:
        cause = "container_cannot_be_created"
    code = "" if one.last_exit_code is None else f", exit code {one.last_exit_code}"
    last = f"; last: {one.last_reason}{code}" if one.last_reason else ""
    text = f"container {one.name}: {one.reason}{last}"
    act = ""
    if cause == "container_cannot_be_created":
        act = _actor(one.last_reason, one.message)
        text += f": {one.message}" if one.message else ""
    elif cause != "oom_killed" and (kill := kill_of(pod, one, cache)):
        cause, text = kill.cause, f"{text}: {kill.text}"
    else:
        text += unread_words(one)
    finding = found(cause, text, about=of_pod(pod, one.name), since=pod.started, act=act)
    return with_node_event(with_end_fix(finding, one), pod, one, cache)


def _actor(reason: str, text: str) -> str:
    """The people who can correct a container that cannot be created; empty: see the table of causes."""
    if reason in _STARTS and _OF_A_FILE.search(text):
        return FILE
    return IMAGE if (reason in _STARTS and not _OF_POD.search(text)) or "runAsNonRoot" in text else ""


def failed_containers(pod: Pod, cache: ObjectCache, *, killed: bool) -> Iterator[Finding]:
    """The finding of a failed Pod: a container that ended with an error. OOM-killed and main containers come first.

    `killed`: Kubernetes ended the Pod, so an exit code of a signal is not a cause.
    """
    ended = (one for one in pod.containers if one.state == "terminated")
    failed = [
        one
        for one in ended
        if (one.exit_code and not (killed and one.exit_code in ENDED_BY_SIGNAL and one.reason != _OUT_OF_MEMORY))
        or one.reason in CREATE
    ]
    for one in sorted(failed, key=_order)[:1]:
        kill = kill_of(pod, one, cache) if one.reason not in CREATE | {_OUT_OF_MEMORY, UNKNOWN_END} else None
        if kill is not None:
            yield _killed(pod, one, kill)
        else:
            yield with_node_event(_failed(pod, one, stop_words(pod, one, cache)), pod, one, cache)


def _order(one: Container) -> tuple[bool, bool, int]:
    return one.reason != _OUT_OF_MEMORY, one.reason == UNKNOWN_END, _ROLES.index(one.role)


def _failed(pod: Pod, one: Container, more: str) -> Finding:
    cause = "init_container_failed" if one.role == "init" and not one.sidecar else "container_failed"
    if one.reason == _OUT_OF_MEMORY:
        cause = "oom_killed"
    elif one.reason in CREATE:
        cause = "container_cannot_be_created"
    elif one.reason == UNKNOWN_END:
        cause = "container_lost"
    act = _actor(one.reason, one.message) if cause == "container_cannot_be_created" else ""
    finding = found(
        cause, end_words(one) + more, about=of_pod(pod, one.name), since=one.since or pod.finished, act=act
    )
    return with_end_fix(finding, one)
