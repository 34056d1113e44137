"""The stages of a run and its Job, from creation to deletion, and the request bodies that write each stage."""

import dataclasses
import enum
import time
from typing import Any

from lab.platform import statuses
from lab.workload import coderun, job

__all__ = ["WRITES", "Life", "Stage", "name_of"]

WRITES = 8
"""The writes in one life: two creations, four status updates, two deletions."""
_FAILURE_EVERY = 10  # the Job of every tenth run fails


class Stage(enum.IntEnum):
    """The last write. After the last stage, the run and its Job are deleted and the next run is created."""

    RUN_MADE = 0
    JOB_MADE = 1
    JOB_ACTIVE = 2
    RUN_RUNNING = 3
    JOB_ENDED = 4
    RUN_ENDED = 5


@dataclasses.dataclass(kw_only=True)
class Life:
    """A run, identified by its number, and its Job. `uid` is the UID of the run, empty before it is created."""

    number: int
    stage: Stage = Stage.RUN_MADE
    uid: str = ""

    @property
    def run(self) -> dict[str, Any]:
        """The CodeRun, as a client sends it."""
        return _without_server_fields(coderun(self.number))

    @property
    def job(self) -> dict[str, Any]:
        """The Job, as a client sends it."""
        return _without_server_fields(job(self.number, owner=self.uid))

    @property
    def status(self) -> dict[str, Any]:
        """The status of the Job or the run that a controller writes at this stage. A run retries a failed Job."""
        now, fails, job_name = time.time(), self.number % _FAILURE_EVERY == 0, name_of(self.job)
        if self.stage == Stage.JOB_ACTIVE:
            return statuses.active(now)
        if self.stage == Stage.RUN_RUNNING:
            return statuses.running(now, job_name=job_name, attempt=1)
        if self.stage == Stage.JOB_ENDED:
            return statuses.failed(now) if fails else statuses.complete(now)
        return statuses.running(now, job_name=f"{job_name}-v2", attempt=2) if fails else statuses.succeeded(now)


def name_of(item: dict[str, Any]) -> str:
    """The name of an object."""
    name: str = item["metadata"]["name"]
    return name


def _without_server_fields(item: dict[str, Any]) -> dict[str, Any]:
    """The object without the fields that the API server sets, and without finalizers, which nothing would remove."""
    omitted = {"uid", "creationTimestamp", "finalizers"}
    metadata = {key: value for key, value in item["metadata"].items() if key not in omitted}
    return {key: value for key, value in item.items() if key != "status"} | {"metadata": metadata}
