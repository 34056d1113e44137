"""The Pods of Jobs, the Events about all objects, and the logs of agents: they explain why an object is stuck.

All are optional. Without the permission to read them they are unknown, which is different from having none.
"""

from collections.abc import Sequence

import msgspec

from exporter.cache.events import Events
from exporter.cache.logs import JobLogs, Logs
from exporter.cache.pod_records import Event, Pod
from exporter.cache.pods import Pods
from exporter.cache.records import NAMED, Job, Record, Run, named_key
from exporter.cache.table import Table

__all__ = ["Attached"]


class Attached:
    """`pods` are the Pods of Jobs, in partitions named as those of Jobs. Pods of runs are in `Job.pod`."""

    def __init__(self, *, runs: Table[Run], jobs: Table[Job], all_namespaces: bool) -> None:
        self.runs = runs
        self.jobs = jobs
        self.pods = Pods(is_job=lambda uid: jobs.get(uid) is not None)
        self.events = Events(is_open=self._is_open)
        self.logs = Logs(is_job=lambda uid: jobs.get(uid) is not None)
        self._all_namespaces = all_namespaces
        self._uids: dict[str, str] | None = None

    def pods_of(self, job: Job) -> Sequence[Pod]:
        """The Pods of a Job, the oldest first; for a worker Pod, itself. Pods that succeeded are not listed.

        Pods that are matched only by name are returned if it controls none: a debugging Pod may have its label too.
        """
        if job.is_pod:
            return () if job.pod is None else (job.pod,)
        pods = [pod for pod in self.pods.of_job(job.uid) if pod.namespace == job.namespace]
        return [pod for pod in pods if not pod.named] or pods

    def pods_known(self, job: Job) -> bool:
        """Whether the Pods of a Job have been listed. If not, it may have more than those of `pods_of`."""
        return job.is_pod or (not job.manual_selector and self.pods.known(self._scope(job.namespace)))

    def events_about(self, uid: str) -> Sequence[Event]:
        """The newest Events about the object with this UID, the newest first, also those that have expired."""
        return self.events.about(uid)

    def events_known(self, namespace: str) -> bool:
        """Whether the Events of this namespace are being watched. If not, there may be more."""
        return self.events.known(namespace)

    def logs_of(self, job: Job) -> JobLogs | None:
        """The reports about the logs of its containers; None if no log has been read."""
        return self.logs.of_job(job.uid)

    def _scope(self, namespace: str) -> str:
        """The scope of the lists that contain this namespace."""
        return "*" if self._all_namespaces else namespace

    def is_worker(self, job: Job) -> bool:
        """Whether the Job is a worker."""
        raise NotImplementedError

    def run_of(self, job: Job) -> Run | None:
        """The run that controls or names a Job, if known."""
        raise NotImplementedError

    def _is_open(self, uid: str, namespace: str) -> bool | None:
        """Whether a run or Job of this namespace is open, or the Job of a Pod; None if it is not cached."""
        if (pod := self.pods.get(uid)) is not None:
            uid = pod.owner
        if (job := self.jobs.get(uid)) is not None:
            return not job.result and job.namespace == namespace and self.is_worker(job)
        return None if (run := self.runs.get(uid)) is None else not run.terminal and run.namespace == namespace

    def _update_attached(self, old: Record | None, new: Record | None) -> None:
        """Updates Pods and Events after a change of a run or a Job."""
        for job in (old, new):
            if isinstance(job, Job):
                self._name(job, exists=job is new)
        if isinstance(new, Job | Run):
            self.events.claim(new.uid)
            for pod in self.pods.claim(new.uid) if isinstance(new, Job) else ():
                self.events.claim(pod.uid)
            if not self._is_open(new.uid, new.namespace):
                self._end(new)
        elif isinstance(old, Job | Run):
            self.events.forget(old.uid)
            if isinstance(old, Job):
                self.pods.release(old.uid)
                self.logs.forget(old.uid, run=run.uid if (run := self.run_of(old)) is not None else "")
            else:
                self.logs.forget_run(old.uid)

    def _end(self, item: Run | Job) -> None:
        self.events.end(item.uid)
        if isinstance(item, Job):
            for pod in self.pods.of_job(item.uid):
                self.events.end(pod.uid)

    def put_pod(self, partition: str, uid: str, pod: Pod | None) -> None:
        """Adds, updates or removes (None) a Pod of a Job."""
        self.pods.put(partition, uid, pod)
        if pod is None:
            self.events.forget(uid)
        else:
            self.events.claim(uid)

    def with_owner_uid(self, pod: Pod) -> Pod:
        """The Pod, with the UID of its Job as owner if it was matched by the name of the Job."""
        if not pod.owner.startswith(NAMED):
            return pod
        if self._uids is None:
            self._uids = {named_key(job.namespace, job.name): job.uid for job in self.jobs if not job.is_pod}
        return msgspec.structs.replace(pod, owner=self._uids.get(pod.owner, pod.owner))

    def _name(self, job: Job, *, exists: bool) -> None:
        """Updates the index of Jobs by name, which is created once a Pod needs it."""
        if self._uids is None or job.is_pod:
            return
        key = named_key(job.namespace, job.name)
        if not exists:
            self._uids.pop(key, None)
            return
        self._uids[key] = job.uid
        for pod in self.pods.of_job(key):
            self.pods.adopt(pod.uid, job.uid)
