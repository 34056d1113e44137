"""The logs of containers, as the API server and the kubelet answer `pods/log`.

Sources: `LogLocation` in pkg/registry/core/pod and the validation of PodLogOptions of kubernetes/kubernetes;
`ReadLogs` of k8s.io/cri-client, which reads the files of the container runtime.
"""

import dataclasses
import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from aiohttp import web

from lab.apiserver import status
from lab.apiserver.store import Store, object_key

__all__ = ["Entry", "PodLogs", "answer"]

_PATH = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/log")
_NANOSECONDS = 10**9
_LEAST = {"tailLines": 0, "limitBytes": 1, "sinceSeconds": 1}


class Entry(NamedTuple):
    """A line in the file of the runtime. `is_partial`: the next entry continues it, as runtimes divide long lines."""

    stamp: int
    """Nanoseconds since the epoch."""
    text: bytes
    is_partial: bool = False


@dataclasses.dataclass
class PodLogs:
    """The files by namespace, pod and container; `previous` are those of the previous container.

    `offset` is that of the nodes from UTC. `messages` are sent with status 200 instead of the log of a container: the
    kubelet sends the status before it reads the file. `reads` is the number of requests.
    """

    files: dict[tuple[str, str, str], list[Entry]] = dataclasses.field(default_factory=dict)
    previous: dict[tuple[str, str, str], list[Entry]] = dataclasses.field(default_factory=dict)
    messages: dict[tuple[str, str, str], str] = dataclasses.field(default_factory=dict)
    offset: dt.timedelta = dt.timedelta()
    reads: int = 0

    def write(self, namespace: str, pod: str, container: str, *lines: tuple[float, bytes]) -> None:
        """Appends lines, given as seconds since the epoch and text."""
        entries = self.files.setdefault((namespace, pod, container), [])
        entries += [Entry(round(at * 1_000_000) * 1000, text) for at, text in lines]


def answer(store: Store, logs: PodLogs, request: web.Request) -> web.Response | None:
    """The response; None if the path is not that of a log. Raises StatusError."""
    if (match := _PATH.fullmatch(request.path)) is None:
        return None
    logs.reads += 1
    namespace, name = match.groups()
    collection = store.collection("pods")
    if (stored := collection.objects.get(object_key(namespace, name))) is None:
        raise status.not_found("pods", "", name)
    pod, query = store.decode(collection, stored), request.query
    _validate(name, query)
    container = _container(pod, query.get("container", ""))
    if not pod["spec"].get("nodeName"):
        return web.Response(status=204)
    place = (namespace, name, container)
    entries = _entries(pod, place, logs, previous=query.get("previous") == "true")
    if place in logs.messages:
        return web.Response(body=logs.messages[place].encode(), content_type="text/plain")
    body = b"".join(_rendered(_tail(entries, query), query, logs.offset))
    limit = query.get("limitBytes")
    return web.Response(body=body if limit is None else body[: int(limit)], content_type="text/plain")


def _validate(name: str, query: Mapping[str, str]) -> None:
    for field, least in _LEAST.items():
        if field in query and int(query[field]) < least:
            text = f"Invalid value: {query[field]}: must be greater than or equal to {least}"
            raise status.invalid("PodLogOptions", "", name, status.Cause("FieldValueInvalid", field, text))
    if {"sinceTime", "sinceSeconds"} <= query.keys():
        text = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
        raise status.invalid("PodLogOptions", "", name, status.Cause("FieldValueForbidden", "sinceSeconds", text))


def _container(pod: Mapping[str, Any], wanted: str) -> str:
    names: list[str] = [item["name"] for item in pod["spec"].get("containers") or ()]
    name: str = pod["metadata"]["name"]
    if not wanted and len(names) != 1:
        text = f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]"
        raise status.bad_request(text)
    if wanted and wanted not in names:
        raise status.bad_request(f"container {wanted} is not valid for pod {name}")
    return wanted or names[0]


def _entries(
    pod: Mapping[str, Any], place: tuple[str, str, str], logs: PodLogs, *, previous: bool
) -> Sequence[Entry]:
    """The file that is read: of a waiting container that was restarted, that of the previous one."""
    _, name, container = place
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    found: Mapping[str, Any] = next((item for item in statuses if item["name"] == container), {})
    waiting = found.get("state", {}).get("waiting")
    if waiting is not None and not previous:
        if "terminated" not in found.get("lastState", {}):
            why = waiting.get("reason", "ContainerCreating")
            raise status.bad_request(f'container "{container}" in pod "{name}" is waiting to start: {why}')
        return logs.files.get(place, ())
    if not previous:
        return logs.files.get(place, ())
    if place not in logs.previous:
        raise status.bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
    return logs.previous[place]


def _tail(entries: Sequence[Entry], query: Mapping[str, str]) -> Sequence[Entry]:
    """The last entries. Each part of a divided line counts."""
    if "tailLines" not in query:
        return entries
    number = int(query["tailLines"])
    return entries[-number:] if number else ()


def _rendered(entries: Sequence[Entry], query: Mapping[str, str], offset: dt.timedelta) -> Iterator[bytes]:
    """Their text. A line of which only the first part is too old has no stamp."""
    since = _since(query)
    is_new = True
    for entry in entries:
        if entry.stamp >= since:
            if is_new and query.get("timestamps") == "true":
                yield _stamp(entry.stamp, offset)
            yield entry.text if entry.is_partial else entry.text + b"\n"
        is_new = not entry.is_partial


def _since(query: Mapping[str, str]) -> int:
    """Nanoseconds since the epoch. The API has whole seconds."""
    if "sinceTime" not in query:
        return -(10**30)
    return int(dt.datetime.fromisoformat(query["sinceTime"]).timestamp()) * _NANOSECONDS


def _stamp(stamp: int, offset: dt.timedelta) -> bytes:
    moment = dt.datetime.fromtimestamp(stamp // _NANOSECONDS, dt.timezone(offset))
    zone = "Z" if not offset else moment.isoformat()[-6:]
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{stamp % _NANOSECONDS:09d}{zone} ".encode()
