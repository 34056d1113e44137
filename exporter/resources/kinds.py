"""The kinds of runs: custom resources for which a controller creates Jobs or Pods. Each is read by its profile.

The worker of a run is the object that does its work: a Job, a Pod, or another run.
"""

import dataclasses
import fnmatch
import functools
import re
from collections.abc import Mapping, Sequence

from exporter.profiles import (
    JobReader,
    Profile,
    Reader,
    Worker,
    is_job,
    name_of,
    pod_workers,
    profile_workers,
    worker_kinds,
)
from exporter.resources.objects import OwnerReference

__all__ = [
    "DEADLINE_ANNOTATION",
    "RunKind",
    "controller_of",
    "pods_partition_prefix",
    "run_kinds",
    "runs_partition_prefix",
]

DEADLINE_ANNOTATION = "coderun-exporter/job-creation-deadline"

_DEADLINE = f".metadata.annotations.{DEADLINE_ANNOTATION}"
_CONTROLLER = ".metadata.ownerReferences[?(@.controller=='true')].uid"
_WORKFLOW = ".metadata.ownerReferences[?(@.kind=='Workflow')]"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunKind:
    """A kind of run, from a complete profile.

    Unless the kind is the `primary` one, the exposed names of its runs have the kind as a prefix (`docsrun/NAME`,
    which kubectl accepts), so that the series are unique. Kinds with the same name have the prefix PLURAL.GROUP.
    """

    profile: Profile
    primary: bool = True
    unique: bool = True
    """Whether no other kind has the same name."""
    title: str = ""
    """The plural of the kind; `PLURAL.GROUP` if another kind has the same plural."""
    pods: str | None = None
    """Label selector of its worker Pods; None: its runs have no worker Pods."""
    worker_kinds: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The kinds (`PLURAL.GROUP`) whose runs do the work of its runs, by the value of `worker.is`."""
    is_worker: bool = False
    """Whether its runs do the work of runs of another kind."""

    @functools.cached_property
    def group(self) -> str:
        """The API group."""
        return self.profile.group or ""

    @functools.cached_property
    def version(self) -> str:
        """The version that is read."""
        return self.profile.version or ""

    @functools.cached_property
    def plural(self) -> str:
        """The resource, as in `kubectl get`."""
        return self.profile.plural or ""

    @functools.cached_property
    def kind(self) -> str:
        """The kind, as in the ownerReference of a Job."""
        return self.profile.kind or ""

    @functools.cached_property
    def resource(self) -> str:
        """`PLURAL.GROUP`."""
        return f"{self.plural}.{self.group}"

    @functools.cached_property
    def is_job(self) -> bool:
        """Whether its runs are themselves Jobs."""
        return is_job(self.profile)

    @functools.cached_property
    def requires_configmaps(self) -> bool:
        """Whether a broken required ConfigMap can cause a run of this kind to have no Job."""
        return bool(self.profile.requires_configmaps)

    @functools.cached_property
    def reader(self) -> Reader:
        """Reads its objects, and in `more` what is not in profiles.

        These are the deadline annotation, the name and UID of an Argo Workflow that owns it, and if its runs are
        workers the UID of the controller.
        """
        more = {"deadline": _DEADLINE, "workflow_owner": f"{_WORKFLOW}.name", "workflow_uid": f"{_WORKFLOW}.uid"}
        return Reader(self.profile, more=more | ({"controller": _CONTROLLER} if self.is_worker else {}))

    @functools.cached_property
    def job_reader(self) -> JobReader:
        """Reads the Jobs of its runs."""
        return JobReader(self.profile)

    @functools.cached_property
    def pod_reader(self) -> JobReader:
        """Reads the worker Pods of its runs."""
        return JobReader(self.profile, worker="Pod")

    @functools.cached_property
    def owns_pods(self) -> bool:
        """Whether its runs control worker Pods."""
        return any(not worker.named for worker in pod_workers(self.profile))

    @functools.cached_property
    def names_pods(self) -> bool:
        """Whether its runs reference worker Pods by name."""
        return any(worker.named for worker in pod_workers(self.profile))

    @functools.cached_property
    def main_containers(self) -> re.Pattern[str] | None:
        """The pattern of names of main containers in its worker Pods; None: the default of `main_containers`."""
        return _pattern(pod_workers(self.profile))

    @functools.cached_property
    def job_containers(self) -> re.Pattern[str] | None:
        """The pattern of names of main containers in the Pods of its Jobs."""
        return _pattern([worker for worker in profile_workers(self.profile) if worker.is_ in {"Job", "self"}])

    def main_container_names(self, pod_labels: Mapping[str, str]) -> set[str]:
        """The names of main containers that are values of labels of a Pod (`container_label` of the profile)."""
        keys = (worker.container_label for worker in profile_workers(self.profile))
        return {pod_labels[key] for key in keys if key in pod_labels}

    def workers_prefix(self, worker: str) -> str:
        """Prefix of the cache partitions that hold its workers of this kind."""
        if worker == "Pod":
            return pods_partition_prefix(self.pods or "")
        return runs_partition_prefix(self.worker_kinds[worker]) if worker in self.worker_kinds else ""

    def reads(self, worker: str) -> bool:
        """Whether its workers of this kind are read: Jobs, Pods, and runs of a kind in the settings."""
        return worker in {"Job", "Pod"} or worker in self.worker_kinds

    @functools.cached_property
    def prefix(self) -> str:
        """Prefix of the exposed names of its runs."""
        return "" if self.primary else f"{self.kind.lower() if self.unique else self.resource}/"

    def exposed_name(self, name: str) -> str:
        """The exposed name of a run."""
        return self.prefix + name


def _pattern(workers: Sequence[Worker]) -> re.Pattern[str] | None:
    given = [worker.container for worker in workers]
    names = [name for one in given for name in ([one] if isinstance(one, str) else one)]
    return re.compile("|".join(map(fnmatch.translate, names))) if names else None


def pods_partition_prefix(selector: str) -> str:
    """Prefix of the cache partitions that hold the Pods of this label selector."""
    return f"pods/{selector}/"


def runs_partition_prefix(resource: str) -> str:
    """Prefix of the cache partitions that hold the runs of this PLURAL.GROUP."""
    return f"{resource}/"


def run_kinds(profiles: Sequence[Profile]) -> list[RunKind]:
    """The kinds of these profiles. The first one whose runs are not Jobs is the primary one."""
    first = next((index for index, profile in enumerate(profiles) if not is_job(profile)), None)
    names = [*((profile.kind or "").lower() for profile in profiles), "job"]  # Jobs have this kind
    plurals = [*(profile.plural or "" for profile in profiles), "jobs", "pods", "configmaps"]
    selectors = [next((one.selector for one in pod_workers(profile)), None) for profile in profiles]
    by_name = any(worker.named for profile in profiles for worker in pod_workers(profile))
    if "" in selectors or (by_name and len({*selectors} - {None}) > 1):
        # A list of all Pods contains those of every kind. In two lists, a Pod could be two workers: that of its
        # owner, and another one by its name.
        selectors = [None if selector is None else "" for selector in selectors]
    workers = [_read_kinds(profile, profiles) for profile in profiles]
    return [
        RunKind(
            profile=profile,
            primary=index == first,
            unique=names.count(names[index]) == 1,
            pods=selectors[index],
            worker_kinds=workers[index],
            is_worker=any(name_of(profile) in found.values() for found in workers),
            title=plurals[index] if plurals.count(plurals[index]) == 1 else f"{plurals[index]}.{profile.group}",
        )
        for index, profile in enumerate(profiles)
    ]


def _read_kinds(profile: Profile, profiles: Sequence[Profile]) -> dict[str, str]:
    """The worker kinds whose objects are all read. If only some are runs, no worker can be reported missing."""
    return {text: name_of(found) for text, found in worker_kinds(profile, profiles).items() if not found.only}


def controller_of(
    references: Sequence[OwnerReference], kinds: Sequence[RunKind]
) -> tuple[OwnerReference, RunKind | None]:
    """The custom resource that controls an object, in any version. The kind is compared without case."""
    for reference in references:
        group = (reference.api_version or "").partition("/")[0]
        for kind in kinds:
            if kind.is_job or not reference.controller:
                continue
            if group == kind.group and (reference.kind or "").lower() == kind.kind.lower():
                return reference, kind
    return OwnerReference(), None
