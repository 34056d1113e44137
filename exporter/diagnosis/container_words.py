"""Texts that explain why a container does not start, or how it ended: from Events about it, or from its state."""

from collections.abc import Iterator
from typing import Final

from exporter.cache import Container, Event, ObjectCache, Pod
from exporter.diagnosis.end_texts import end_text
from exporter.diagnosis.events import latest, words

__all__ = [
    "CREATE",
    "UNKNOWN_END",
    "creation_words",
    "end_words",
    "events_of_container",
    "probe_words",
    "unread_words",
]

CREATE: Final = frozenset(
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
"""Reasons of a container that cannot be created."""
UNKNOWN_END: Final = "ContainerStatusUnknown"
"""The kubelet no longer finds the container. Its exit code, 137, is a placeholder."""
_SIGNALS: Final = {
    130: "SIGINT",
    132: "SIGILL",
    134: "SIGABRT",
    135: "SIGBUS",
    137: "SIGKILL",
    139: "SIGSEGV",
    143: "SIGTERM",
}
"""Signals by the exit code of the process that they end: 128 and the number of the signal."""
_CRASHES: Final = frozenset({132, 134, 135, 139})
"""Those that a process gets for what it does itself."""
_REASONS = ("Failed", "InspectFailed", "ErrImageNeverPull")


def probe_words(pod: Pod, one: Container, cache: ObjectCache) -> str:
    """Why a native sidecar counts as not started: the newest failure of its startup probe."""
    event = next((event for event in latest(cache, pod.uid, "Unhealthy") if event.container in {"", one.name}), None)
    return f"; {words(event)}" if event else ""


def creation_words(pod: Pod, one: Container, cache: ObjectCache) -> str:
    """Why a container cannot be created: the reason and message of its state, else the note of its newest Event."""
    notes = (event.note for event in events_of_container(pod, one, cache) if event.note != f"Error: {one.reason}")
    text = one.message or next((note for note in notes if not _is_image(note)), "").removeprefix("Error: ")
    return f"{one.reason}: {text}" if text else one.reason


def events_of_container(pod: Pod, one: Container, cache: ObjectCache) -> Iterator[Event]:
    """The Events about a container. Events of older components do not name the container."""
    return (event for event in latest(cache, pod.uid, *_REASONS) if event.container in {"", one.name})


def _is_image(note: str) -> bool:
    return note.startswith(("Failed to pull image", "Error: ErrImagePull", "Error: ImagePullBackOff"))


def end_words(one: Container, *, failed: bool = False) -> str:
    """Describes how a container ended. `failed`: an exit code after a signal has the name of the signal."""
    kind = "init container" if one.role == "init" else "container"
    if one.reason == UNKNOWN_END:
        text = f"the kubelet lost {kind} {one.name}: how it ended is unknown ({one.reason})"
        return text + (f": {one.message}" if one.message else "")
    code = "" if one.exit_code is None else f" with exit code {one.exit_code}"
    if (failed or one.exit_code in _CRASHES) and (signal := _SIGNALS.get(one.exit_code or 0)):
        code += f", {signal}"
    how = "could not be started" if one.reason in CREATE else f"{'failed' if failed else 'ended'}{code}"
    text = f"{kind} {one.name} {how}" + (f" ({one.reason})" if one.reason else "")
    return text + (f": {one.message}" if one.message else unread_words(one) if one.exit_code else "")


def unread_words(one: Container) -> str:
    """What a termination message says, or where it is. Its text is not kept, because it may be the end of the log."""
    if (text := end_text(one)) is not None:
        return f"; its termination message says that {text.meaning}"
    return "; kubectl describe shows its termination message" if one.has_unread_message else ""
