"""Simulates the Job controller and the kubelets of Kubernetes 1.36: Jobs start, and end or hang.

It is not used with a real cluster, which has its own Job controller.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from lab.clock import seconds_of
from lab.platform import pods, statuses
from lab.platform.agent_lines import Course, lines
from lab.platform.generations import NOVEMBER, Generation
from lab.platform.manifests import (
    GATE_SECONDS,
    SESSIONS,
    SILENT_SECONDS,
    START_SECONDS,
    WORK_SECONDS,
    exit_of,
)
from lab.platform.output import Output, Place, WriteLog
from lab.platform.writer import Writer

__all__ = ["Workers", "course_of", "seconds_in"]


class Workers:
    """Runs every Job according to its annotations: when its pod is ready, how long it works, and how it exits.

    `write_log` receives the lines of the main containers; without it, they have no logs.
    """

    def __init__(
        self,
        *,
        writer: Writer,
        clock: Callable[[], float],
        generation: Generation = NOVEMBER,
        write_log: WriteLog = lambda *_: None,
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._namespace = generation.namespace
        self._output = Output(write_log)
        self._jobs = generation.jobs
        self._pods = generation.pods
        self._events = generation.events

    async def advance(self) -> None:
        """Updates the status of all Jobs once."""
        for item in await self._writer.items(self._jobs):
            await self._advance(item)
        self.write_logs()

    def write_logs(self) -> None:
        """Writes the lines that containers have written until now."""
        self._output.advance(self._clock())

    async def _advance(self, item: Mapping[str, Any]) -> None:
        status, ending, now = item.get("status", {}), exit_of(item), self._clock()
        conditions = {each["type"] for each in status.get("conditions", ()) if each["status"] == "True"}
        if conditions & {"Complete", "Failed"}:
            return
        if not status.get("startTime"):
            await self._start(item, statuses.active(now, pods=0 if ending == "no-pod" else 1))
            return
        since = now - seconds_of(status["startTime"])
        if "FailureTarget" in conditions:
            await self._write(item, statuses.failed(now, reason="DeadlineExceeded"))
        elif since >= item["spec"].get("activeDeadlineSeconds", math.inf):
            await self._write(item, statuses.failing(now))
            await self._delete_pod(item)
        elif ending in {"no-pod", "pending"} or not status.get("active"):
            return
        elif since >= seconds_in(item, WORK_SECONDS):
            await self._finish(item, ending)
        elif not status.get("ready") and since >= seconds_in(item, START_SECONDS):
            await self._run(item)

    async def _start(self, item: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        """Starts a Job and, unless none can be created, its pod. A pod that stays pending cannot mount a volume."""
        await self._write(item, status)
        if not status["active"]:
            return
        now = self._clock()
        name = pods.pod_name(item, start=status["startTime"])
        made = await self._writer.create(self._pods, pods.pod(item, name=name))
        await self._set_pod(name, pods.pending(item, now=now))
        if exit_of(item) == "pending":
            await self._writer.create(self._events, pods.mount_failed(made, now=now))

    async def _run(self, item: Mapping[str, Any]) -> None:
        await self._write(item, statuses.active(ready=1))
        await self._set_pod(self._pod_of(item), pods.running(item, now=self._clock()))
        self._output.start(self._place(item), lines(course_of(item, begin=self._clock())))

    async def _finish(self, item: Mapping[str, Any], ending: str) -> None:
        """Ends the Job with the exit code `0` or `1`. For `never`, the process continues, and its pod is ready."""
        now = self._clock()
        if ending in {"0", "1"}:
            self.write_logs()
            self._output.stop(self._place(item))
            await self._set_pod(self._pod_of(item), pods.ended(item, now=now, code=int(ending)))
            await self._write(item, statuses.failed(now) if int(ending) else statuses.complete(now))
        elif not item["status"].get("ready"):
            await self._run(item)

    async def _write(self, item: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        await self._writer.patch(f"{self._jobs}/{item['metadata']['name']}/status", {"status": status})

    async def _set_pod(self, name: str, status: Mapping[str, Any]) -> None:
        await self._writer.patch(f"{self._pods}/{name}/status", {"status": status})

    async def _delete_pod(self, item: Mapping[str, Any]) -> None:
        """As after SIGTERM: the container ends with 143, and the kubelet confirms the deletion."""
        name = self._pod_of(item)
        self.write_logs()
        self._output.stop(self._place(item))
        await self._set_pod(name, pods.ended(item, now=self._clock(), code=143))
        await self._writer.delete(f"{self._pods}/{name}")

    def _pod_of(self, item: Mapping[str, Any]) -> str:
        return pods.pod_name(item, start=item["status"]["startTime"])

    def _place(self, item: Mapping[str, Any]) -> Place:
        return self._namespace, self._pod_of(item), _main_container(item)["name"]


def course_of(item: Mapping[str, Any], *, begin: float) -> Course:
    """What the main container of a Job does that starts at `begin` (seconds since the epoch)."""
    image: str = _main_container(item)["image"]
    return Course(
        cli=image.rpartition("/")[2].partition(":")[0],
        begin=begin,
        end=seconds_of(item["status"]["startTime"]) + seconds_in(item, WORK_SECONDS),
        exits=exit_of(item),
        silent_seconds=seconds_in(item, SILENT_SECONDS),
        gate_seconds=seconds_in(item, GATE_SECONDS),
        sessions=max(1, round(seconds_in(item, SESSIONS))),
    )


def _main_container(item: Mapping[str, Any]) -> Mapping[str, Any]:
    container: Mapping[str, Any] = item["spec"]["template"]["spec"]["containers"][0]
    return container


def seconds_in(item: Mapping[str, Any], annotation: str) -> float:
    """The number in an annotation of a Job; 0 without it."""
    return float(item["metadata"].get("annotations", {}).get(annotation, 0))
