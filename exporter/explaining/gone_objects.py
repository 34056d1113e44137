"""Assigns Events of a dump about objects that no longer exist to the run or Job to which these belonged."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from exporter.cache import Event, ObjectCache
from exporter.diagnosis.gone import CREATED_POD, gone_key
from exporter.diagnosis.stages import PROGRESS

__all__ = ["GoneObjects", "without_old_progress"]

_MAX_PREFIX_LENGTH: Final = 58  # of a generated name: https://pkg.go.dev/k8s.io/apiserver/pkg/storage/names
_GENERATED: Final = re.compile(r"(.+?)(?:(?<=-)[0-9]+-)?[a-z0-9]{5}")
"""The name of a pod: that of its Job, for an indexed Job the index, and five characters."""
_CREATED: Final = re.compile(r"Created pod: ([a-z0-9.-]+)")

_Place = tuple[str, str]
"""Namespace and name."""


class GoneObjects:
    """Finds the Job of a pod by an Event of the Job controller, or by the beginning of the pod's name."""

    def __init__(self, cache: ObjectCache, events: Iterable[Event]) -> None:
        self._jobs = {job.uid: job for job in cache.jobs if not job.is_pod}
        self._named = {(job.namespace, job.name): job.uid for job in self._jobs.values()}
        self._runs = {
            (run.namespace, run.status_job): run.uid
            for run in cache.runs
            if run.status_job and (run.namespace, run.status_job) not in self._named
        }
        self._prefixes: dict[_Place, list[tuple[float, str]]] = {}
        for (namespace, name), uid in (*self._named.items(), *self._runs.items()):
            begun = (self._jobs[uid].created or 0.0) if uid in self._jobs else 0.0
            self._prefixes.setdefault((namespace, f"{name}-"[:_MAX_PREFIX_LENGTH]), []).append((begun, uid))
        self._pods = dict(self._created(events))

    def assigned(self, event: Event) -> Event | None:
        """The Event with `about` set to its run or Job; None if it belongs to none."""
        name = (event.namespace, event.about_name)
        if event.about_kind == "Job":
            uid = self._runs.get(name)
        elif event.about_kind == "Pod":
            uid = self._pods.get(name) or self._by_name(event)
        else:
            uid = None
        return None if uid is None else msgspec.structs.replace(event, about=gone_key(uid))

    def _created(self, events: Iterable[Event]) -> Iterator[tuple[_Place, str]]:
        for event in events:
            if event.reason == CREATED_POD and (match := _CREATED.match(event.note)):
                owner = self._jobs.get(event.about)
                uid = owner.uid if owner else self._runs.get((event.namespace, event.about_name))
                if uid is not None:
                    yield (event.namespace, match[1]), uid

    def _by_name(self, event: Event) -> str | None:
        """The UID of the newest Job whose name begins the pod's name and that existed at the time of the Event."""
        match = _GENERATED.fullmatch(event.about_name)
        found = self._prefixes.get((event.namespace, match[1]), ()) if match else ()
        return max((one for one in found if one[0] <= (event.last or 0.0)), default=(0.0, None))[1]


def without_old_progress(events: Iterable[Event]) -> Iterator[Event]:
    """Drops Events that show the progress of a pod, except the newest: the cache keeps few Events of a pod."""
    newest: dict[str, Event] = {}
    for event in events:
        if not (event.normal and event.reason in PROGRESS):
            yield event
        elif (old := newest.get(event.about)) is None or (event.last or 0.0) >= (old.last or 0.0):
            newest[event.about] = event
    yield from newest.values()
