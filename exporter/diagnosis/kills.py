"""Why the kubelet ended a container: a failed probe or a failed hook. Only Events show this.

Events of type `Normal`, such as `Killing`, are only in a dump. https://pkg.go.dev/k8s.io/kubernetes/pkg/kubelet/events
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from exporter.cache import Container, Event, ObjectCache, Pod
from exporter.diagnosis.events import words

__all__ = ["ENDED_BY_SIGNAL", "Kill", "kill_cause", "kill_of", "stop_words"]

ENDED_BY_SIGNAL: Final = frozenset({137, 143})
"""Exit codes after SIGKILL and SIGTERM."""
_KILLING: Final = re.compile(r"Container (?P<name>\S+) failed (liveness|startup) probe")
_UNHEALTHY: Final = re.compile(r"(Liveness|Startup) probe (failed|errored)")
_HOOK: Final = "FailedPostStartHook"
_MAX_KILL_SECONDS: Final = 600.0
"""From the decision of the kubelet until the container has ended: at most its grace period."""
_MAX_PROBE_SECONDS: Final = 120.0
"""The same, if only the failed probes are known and not the decision."""
_CLOCK_SECONDS: Final = 5.0
"""An Event may be written after the end of the container that it caused."""


class Kill(NamedTuple):
    """The cause, and the text of the Event."""

    cause: str
    text: str


def kill_of(pod: Pod, one: Container, cache: ObjectCache) -> Kill | None:
    """Why the kubelet ended the container, or its last instance if it waits for a restart; None if unknown."""
    every = [event for event in cache.events_about(pod.uid) if event.container in {"", one.name}]
    decided = [*_before(one, every, _MAX_KILL_SECONDS)]
    if hook := next((event for event in decided if event.reason == _HOOK), None):
        return Kill("hook_failed", words(hook))
    killing = next((event for event in decided if _kills(event, one)), None)
    code = one.exit_code if one.state == "terminated" else one.last_exit_code
    failed = decided if killing else [*_before(one, every, _MAX_PROBE_SECONDS)] if code in ENDED_BY_SIGNAL else []
    unhealthy = next(
        (event for event in failed if event.reason == "Unhealthy" and _UNHEALTHY.match(event.note)), None
    )
    event = unhealthy or killing
    return Kill("probe_failed", words(event)) if event is not None else None


def stop_words(pod: Pod, one: Container, cache: ObjectCache) -> str:
    """That the preStop hook failed when the container was stopped. This is not why it was stopped."""
    every = [event for event in cache.events_about(pod.uid) if event.container in {"", one.name}]
    events = (event for event in _before(one, every, _MAX_KILL_SECONDS) if event.reason == "FailedPreStopHook")
    return next((f"; {words(event)}" for event in events), "")


def kill_cause(event: Event) -> str:
    """The cause, if this Event is the decision of the kubelet to end a container; else empty."""
    if event.reason == _HOOK:
        return "hook_failed"
    return "probe_failed" if event.reason == "Killing" and _KILLING.search(event.note) else ""


def _kills(event: Event, one: Container) -> bool:
    match = _KILLING.search(event.note) if event.reason == "Killing" else None
    return match is not None and match["name"] == one.name


def _before(one: Container, events: list[Event], seconds: float) -> Iterator[Event]:
    """The Events that were last seen at most this long before the end of the container; none if that is not known."""
    end = one.since if one.state == "terminated" else one.last_ended
    if end is None:
        return
    for event in events:
        if event.last is None or -_CLOCK_SECONDS <= end - event.last <= seconds:
            yield event
