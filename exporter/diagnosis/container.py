"""Containers that do not start, fail, or end while others keep the Pod running."""

from collections.abc import Iterator
from typing import Final

import msgspec

from exporter.cache import Container, ObjectCache, Pod
from exporter.diagnosis.cause_texts import IMAGE
from exporter.diagnosis.container_words import creation_words, pull_words
from exporter.diagnosis.finding import Finding, found, of_pod
from exporter.diagnosis.mounts import missing_object

__all__ = ["failed_containers", "main_exit", "restarting_containers", "waiting_containers"]

# https://pkg.go.dev/k8s.io/kubernetes/pkg/kubelet/images#pkg-variables
_PULL: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
        "ErrImageVolumePull",
    }
)
_CREATE: Final = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "StartError",
        "ContainerCannotRun",
        "PreCreateHookError",
        "PreStartHookError",
        "PostStartHookError",
        "CreatePodSandboxError",
    }
)
_STARTS: Final = frozenset({"StartError", "RunContainerError", "ContainerCannotRun", "VerifyNonRootError"})
"""Reasons that mean that the command or the user of the container does not exist in its image."""
_OUT_OF_MEMORY: Final = "OOMKilled"
_LOOP: Final = "CrashLoopBackOff"
_SIGNALS: Final = frozenset({137, 143})
"""Exit codes after SIGKILL and SIGTERM."""
_RECOVERY_SECONDS: Final = 600.0
"""The kubelet resets the back-off of a container that has run for this time after a restart."""
_ROLES: Final = ("main", "init", "side")


def waiting_containers(pod: Pod, cache: ObjectCache) -> Iterator[Finding]:
    """Findings of a Pod that has not started: containers that wait or have failed, and a running init container."""
    for one in pod.containers:
        if one.state == "waiting":
            if (finding := _waiting(pod, one, cache)) is not None:
                yield finding
        elif one.role == "init" and one.state == "running" and not one.sidecar:
            text = f"init container {one.name} is running"
            yield found("init_container_stuck", text, about=of_pod(pod, one.name), since=one.since)
        elif one.state == "terminated" and one.reason in _CREATE:
            yield _not_started(pod, one)
        elif one.role == "init" and one.state == "terminated" and (one.exit_code or one.reason == _OUT_OF_MEMORY):
            cause = "oom_killed" if one.reason == _OUT_OF_MEMORY else "init_container_failed"
            yield found(cause, _end(one), about=of_pod(pod, one.name), since=one.since)


def _waiting(pod: Pod, one: Container, cache: ObjectCache) -> Finding | None:
    about = of_pod(pod, one.name)
    if one.reason in _PULL:
        text, since = pull_words(pod, one, cache)
        return found("image_pull", f"container {one.name}: {text}", about=about, since=since)
    if one.reason in _CREATE:
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
        return _restarting(pod, one)
    return None


def restarting_containers(pod: Pod) -> Iterator[Finding]:
    """Findings of a Pod that has started: containers that restart repeatedly, or that were OOM-killed."""
    for one in pod.containers:
        if one.state == "waiting" and one.reason in _CREATE | {_LOOP}:
            yield _restarting(pod, one)
        elif one.state == "terminated" and one.reason in _CREATE:
            yield _not_started(pod, one)
        elif one.state == "terminated" and one.reason == _OUT_OF_MEMORY:
            yield found("oom_killed", _end(one), about=of_pod(pod, one.name), since=one.since)
        elif one.state == "running" and one.last_reason == _OUT_OF_MEMORY:
            text = f"container {one.name} was OOMKilled and restarted"
            finding = found("oom_killed", text, about=of_pod(pod, one.name), since=one.since)
            yield (
                msgspec.structs.replace(finding, settles=_RECOVERY_SECONDS)
                if _main_works_without(one, pod)
                else finding
            )


def _main_works_without(one: Container, pod: Pod) -> bool:
    """Whether the container works for a main container that is running."""
    return one.role == "side" and any(main.role == "main" and main.state == "running" for main in pod.containers)


def _not_started(pod: Pod, one: Container) -> Finding:
    """The runtime could not start the process, so the log is empty and the exit code is not from the command."""
    cause, about = "container_cannot_be_created", of_pod(pod, one.name)
    return found(cause, _end(one), about=about, since=one.since, act=_actor(one.reason, one.message))


def _restarting(pod: Pod, one: Container) -> Finding:
    cause = "init_container_failed" if one.role == "init" and not one.sidecar else "crash_loop"
    if one.last_reason == _OUT_OF_MEMORY:
        cause = "oom_killed"
    elif one.last_reason in _CREATE or one.reason in _CREATE:
        cause = "container_cannot_be_created"
    code = "" if one.last_exit_code is None else f", exit code {one.last_exit_code}"
    last = f"; last: {one.last_reason}{code}" if one.last_reason else ""
    text = f"container {one.name}: {one.reason}{last}"
    act = ""
    if cause == "container_cannot_be_created":
        act = _actor(one.last_reason, one.message)
        text += f": {one.message}" if one.message else ""
    return found(cause, text, about=of_pod(pod, one.name), since=pod.started, act=act)


def _actor(reason: str, text: str) -> str:
    """The people who can correct a container that cannot be created; empty: see the table of causes."""
    return IMAGE if reason in _STARTS or "runAsNonRoot" in text else ""


def failed_containers(pod: Pod, *, killed: bool) -> Iterator[Finding]:
    """The finding of a failed Pod: a container that ended with an error. OOM-killed and main containers come first.

    `killed`: Kubernetes ended the Pod, so an exit code of a signal is not a cause.
    """
    ended = (one for one in pod.containers if one.state == "terminated")
    failed = [
        one
        for one in ended
        if (one.exit_code and not (killed and one.exit_code in _SIGNALS and one.reason != _OUT_OF_MEMORY))
        or one.reason in _CREATE
    ]
    for one in sorted(failed, key=lambda one: (one.reason != _OUT_OF_MEMORY, _ROLES.index(one.role)))[:1]:
        cause = "init_container_failed" if one.role == "init" and not one.sidecar else "container_failed"
        if one.reason == _OUT_OF_MEMORY:
            cause = "oom_killed"
        elif one.reason in _CREATE:
            cause = "container_cannot_be_created"
        act = _actor(one.reason, one.message) if cause == "container_cannot_be_created" else ""
        yield found(cause, _end(one), about=of_pod(pod, one.name), since=one.since, act=act)


def main_exit(pod: Pod, main: Container, *, is_worker: bool) -> Finding:
    """The finding that the main container has terminated, and another container keeps the Pod running."""
    others = [one.name for one in pod.containers if one.state == "running" and not one.sidecar]
    name = "the Pod" if is_worker else f"Pod {pod.name}"
    text = f"container {main.name} has terminated, {name} is running"
    if others:
        text = f"{_end(main)}; still running: {', '.join(others)}"
    return found("main_container_exited", text, about=of_pod(pod, main.name), since=main.since)


def _end(one: Container) -> str:
    """Describes how a container ended."""
    kind = "init container" if one.role == "init" else "container"
    code = "" if one.exit_code is None else f" with exit code {one.exit_code}"
    how = "could not be started" if one.reason in _CREATE else f"ended{code}"
    text = f"{kind} {one.name} {how}" + (f" ({one.reason})" if one.reason else "")
    return text + (f": {one.message}" if one.message else "")
