"""The life of a run and its Job, stage by stage, as requests would have to write it."""

import dataclasses
import enum
import time
from typing import Any

from lab.platform import statuses
from lab.workload import coderun, job

__all__ = ["WRITES", "Life", "Stage", "name_of"]

WRITES = 8
"""In one life: two creations, four changes, two deletions."""
_FAILS = 10  # every tenth


class Stage(enum.IntEnum):
    """What has happened last. After the last stage both are deleted, and another life begins."""

    RUN_MADE = 0
    JOB_MADE = 1
    JOB_ACTIVE = 2
    RUN_RUNNING = 3
    JOB_ENDED = 4
    RUN_ENDED = 5


@dataclasses.dataclass(kw_only=True)
class Life:
    """One run, by its number, and its Job. `uid` is the run's, once it is made."""

    number: int
    stage: Stage = Stage.RUN_MADE
    uid: str = ""

    @property
    def run(self) -> dict[str, Any]:
        """The CodeRun, as a client sends it."""
        return _sent(coderun(self.number))

    @property
    def job(self) -> dict[str, Any]:
        """The Job, as a client sends it."""
        return _sent(job(self.number, owner=self.uid))

    @property
    def status(self) -> dict[str, Any]:
        """What the controllers write at this stage: of the Job, or of the run. A run whose Job failed is retried."""
        now, fails, job_name = time.time(), self.number % _FAILS == 0, name_of(self.job)
        if self.stage == Stage.JOB_ACTIVE:
            return statuses.active(now)
        if self.stage == Stage.RUN_RUNNING:
            return statuses.running(now, job_name=job_name, attempt=1)
        if self.stage == Stage.JOB_ENDED:
            return statuses.failed(now) if fails else statuses.complete(now)
        return statuses.running(now, job_name=f"{job_name}-v2", attempt=2) if fails else statuses.succeeded(now)


def name_of(item: dict[str, Any]) -> str:
    """metadata.name."""
    name: str = item["metadata"]["name"]
    return name


def _sent(item: dict[str, Any]) -> dict[str, Any]:
    """Without what the server sets, and without finalizers, for nobody would take them off again."""
    theirs = {"uid", "creationTimestamp", "finalizers"}
    metadata = {key: value for key, value in item["metadata"].items() if key not in theirs}
    return {key: value for key, value in item.items() if key != "status"} | {"metadata": metadata}
