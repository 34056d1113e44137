"""Containers of Pods: wire types, and their records with role and state.

Commands, environment and images are not decoded. The message of a terminated container is kept only if the kubelet
or the runtime wrote it. Other messages are written by the container, or are the end of its log
(terminationMessagePolicy): only their class is kept.
"""

import datetime as dt
import functools
import re
from collections.abc import Collection, Iterator, Sequence

import msgspec

from exporter.cache import Container
from exporter.log_formats import end_class
from exporter.resources.objects import intern_label, truncate, unix_seconds
from exporter.untrusted import redact_message

__all__ = ["ContainerStatus", "SpecContainer", "Terminated", "cleaned", "containers_of", "terminated"]

_MAX_CONTAINERS = 50
_MAX_MESSAGE_LENGTH = 600
_MAX_RAW_LENGTH = 2000
_WITHOUT_LOG = frozenset(
    {
        *(
            "StartError",
            "ContainerCannotRun",
            "RunContainerError",
            "CreateContainerError",
            "CreateContainerConfigError",
        ),
        *("ContainerStatusUnknown", "DeadlineExceeded", "Evicted"),
    }
)
"""Reasons of terminated containers without a log: they never started, or the kubelet knows nothing about them."""
_BACK_OFF = re.compile(r"\bback-off [0-9hms.]+ (?=restarting)")
"""The back-off time is removed from messages: they become labels, and each time would be a new series."""


class SpecContainer(msgspec.Struct, rename="camel"):
    """An item of `spec.containers` or `spec.initContainers`."""

    name: str | None = None
    restart_policy: str | None = None


class Waiting(msgspec.Struct):
    """`state.waiting`: a container that is not running yet."""

    reason: str | None = None
    message: str | None = None


class Running(msgspec.Struct, rename="camel"):
    """`state.running`."""

    started_at: dt.datetime | None = None


class Terminated(msgspec.Struct, rename="camel"):
    """`state.terminated`: a container that has terminated."""

    reason: str | None = None
    message: str | None = None
    exit_code: int | None = None
    finished_at: dt.datetime | None = None


class State(msgspec.Struct):
    """The state of a container; waiting if all fields are absent."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(msgspec.Struct, rename="camel"):
    """An item of `status.containerStatuses` or `status.initContainerStatuses`."""

    name: str | None = None
    container_id: str | None = msgspec.field(default=None, name="containerID")
    state: State | None = None
    last_state: State | None = None
    restart_count: int | None = None
    started: bool | None = None


def terminated(statuses: Sequence[ContainerStatus] | None) -> Iterator[tuple[str, Terminated]]:
    """The terminated containers, with their names."""
    for item in statuses or ():
        if item.state is not None and item.state.terminated is not None:
            yield item.name or "", item.state.terminated


def containers_of(
    *,
    init: Sequence[SpecContainer],
    regular: Sequence[SpecContainer],
    statuses: Sequence[ContainerStatus],
    mains: Collection[str],
    with_ids: bool = False,
) -> tuple[tuple[Container, ...], int]:
    """The records of at most 50 containers, including the main ones, and the number of the other containers.

    `mains` are the names of the main containers. The role `side` is for all containers beside them: sidecars (init
    containers with restartPolicy Always) and other regular containers. `with_ids`: main containers have their ID.
    """
    reported = {item.name: item for item in statuses}
    given = [(item, "side" if item.restart_policy == "Always" else "init") for item in init]
    given += [(item, "main" if item.name in mains else "side") for item in regular]
    if len(given) > _MAX_CONTAINERS:
        first = sorted(range(len(given)), key=lambda at: (given[at][1] != "main", at))[:_MAX_CONTAINERS]
        given, more = [given[at] for at in sorted(first)], len(given) - _MAX_CONTAINERS
    else:
        more = 0
    return tuple(_container(item, role, reported.get(item.name), with_ids=with_ids) for item, role in given), more


def _container(item: SpecContainer, role: str, status: ContainerStatus | None, *, with_ids: bool) -> Container:
    sidecar = item.restart_policy == "Always"
    if status is None:
        return Container(name=intern_label(item.name), role=role, sidecar=sidecar)
    state, last = status.state or State(), (status.last_state or State()).terminated or Terminated()
    ended, waiting = state.terminated, state.waiting
    return Container(
        name=intern_label(item.name),
        role=role,
        state="terminated" if ended else "running" if state.running else "waiting",
        reason=intern_label((ended or waiting or Waiting()).reason),
        message=_message_of(ended, waiting, last),
        has_unread_message=bool(unread := _unread_message(ended or last)),
        end_class=end_class(unread) if unread and (ended or last).exit_code else "",
        exit_code=ended.exit_code if ended else None,
        since=unix_seconds(ended.finished_at if ended else state.running.started_at if state.running else None),
        restarts=status.restart_count or 0,
        last_reason=intern_label(last.reason),
        last_exit_code=last.exit_code,
        last_ended=unix_seconds(last.finished_at),
        sidecar=sidecar,
        unstarted=sidecar and state.running is not None and status.started is False,
        id=truncate(status.container_id) if with_ids and role == "main" else "",
    )


def _message_of(ended: Terminated | None, waiting: Waiting | None, last: Terminated) -> str:
    """Why a container does not run: the message of its termination if it has no log, else the message of its wait."""
    end = ended or (last if waiting else Terminated())
    if end.reason in _WITHOUT_LOG and end.message:
        return cleaned(end.message)
    return cleaned(waiting.message) if waiting and not ended else ""


def _unread_message(end: Terminated) -> str:
    """The termination message, if the container wrote it."""
    return (end.message or "") if end.reason not in _WITHOUT_LOG else ""


def cleaned(text: str | None) -> str:
    """A message of a component of Kubernetes: one line without credentials, of at most 600 characters."""
    return _cleaned(text[:_MAX_RAW_LENGTH]) if text else ""


@functools.lru_cache(maxsize=1024)
def _cleaned(text: str) -> str:
    return redact_message(_BACK_OFF.sub("back-off ", text), limit=_MAX_MESSAGE_LENGTH)
