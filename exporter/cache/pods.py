"""The Pods of Jobs, by the UID of the Job that controls them.

The API server sends the Pods of all Jobs, because it cannot select by owner. A Pod can be listed before its Job.
So the newest 1,000 Pods whose Job is unknown are kept, in case their Job is listed later.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from exporter.cache.pod_records import Pod

__all__ = ["Pods"]

_MAX_UNCLAIMED = 1000


class Pods:
    """`is_job` returns whether the UID is that of a cached Job. A partition is known once it has been listed."""

    def __init__(self, *, is_job: Callable[[str], bool]) -> None:
        self._is_job = is_job
        self._pods: dict[str, Pod] = {}
        self._uids: dict[str, set[str]] = {}
        self._known: set[str] = set()
        self._of: dict[str, dict[str, Pod]] = {}
        self._unclaimed: dict[str, str] = {}
        self._live: set[tuple[str, str]] | None = None

    def __iter__(self) -> Iterator[Pod]:
        return iter(self._pods.values())

    def __len__(self) -> int:
        return len(self._pods)

    def get(self, uid: str) -> Pod | None:
        """The Pod with this UID."""
        return self._pods.get(uid)

    def is_live(self, namespace: str, name: str) -> bool:
        """Whether there is a Pod of this name that is neither over nor being deleted."""
        if self._live is None:  # built at the first query after a Pod has changed, because few clusters need it
            pods = (pod for pod in self if pod.deleted is None and not pod.is_over)
            self._live = {(pod.namespace, pod.name) for pod in pods}
        return (namespace, name) in self._live

    def known(self, partition: str) -> bool:
        """Whether the Pods of this partition have been listed and are still permitted to be read."""
        return partition in self._known

    def count(self, partition: str) -> int:
        """The number of Pods of a partition."""
        return len(self._uids.get(partition, ()))

    def uids(self, partition: str) -> set[str]:
        """The UIDs of the Pods of a partition."""
        return set(self._uids.get(partition, ()))

    def of_job(self, uid: str) -> Sequence[Pod]:
        """The Pods that the Job with this UID controls, the oldest first."""
        found = self._of.get(uid)
        if found is None:
            return ()
        pods = [*found.values()]
        if len(pods) > 1:
            pods.sort(key=lambda pod: (pod.created or 0.0, pod.name))
        return pods

    def number_of(self, uid: str) -> int:
        """The number of Pods that the Job with this UID controls."""
        return len(self._of.get(uid, ()))

    def set_known(self, partition: str, *, known: bool) -> None:
        """Sets `known` of this partition."""
        (self._known.add if known else self._known.discard)(partition)

    def put(self, partition: str, uid: str, pod: Pod | None) -> Pod | None:
        """Adds, updates or removes (None) a Pod. Returns the previous one."""
        self._live = None
        old = self._remove(uid)
        uids = self._uids.setdefault(partition, set())
        uids.discard(uid)
        if pod is None:
            return old
        uids.add(uid)
        self._pods[uid] = pod
        self._of.setdefault(pod.owner, {})[uid] = pod
        if not self._is_job(pod.owner):
            self._unclaimed[uid] = partition
            self._trim()
        return old

    def claim(self, job: str) -> list[Pod]:
        """Records that the Job with this UID is cached. Returns its Pods whose Job was unknown until now."""
        pods = self._of.get(job, {})
        return [pods[uid] for uid in pods if self._unclaimed.pop(uid, None) is not None]

    def adopt(self, uid: str, job: str) -> None:
        """Sets the UID of the Job of a Pod that was matched only by name until now."""
        self.put(self._partition_of(uid), uid, msgspec.structs.replace(self._pods[uid], owner=job))

    def release(self, job: str) -> None:
        """Records that the Job with this UID is deleted. Its Pods are then Pods of an unknown Job."""
        for uid in self._of.get(job, ()):
            self._unclaimed.setdefault(uid, self._partition_of(uid))
        self._trim()

    def _partition_of(self, uid: str) -> str:
        return next(name for name, uids in self._uids.items() if uid in uids)

    def _trim(self) -> None:
        while len(self._unclaimed) > _MAX_UNCLAIMED:
            oldest = next(iter(self._unclaimed))
            self.put(self._unclaimed[oldest], oldest, None)

    def _remove(self, uid: str) -> Pod | None:
        self._unclaimed.pop(uid, None)
        old = self._pods.pop(uid, None)
        if old is not None:
            same = self._of[old.owner]
            del same[uid]
            if not same:
                del self._of[old.owner]
        return old
