"""The kinds of runs: custom resources that a controller turns into Jobs or Pods, each read by its profile."""

import dataclasses
import fnmatch
import functools
import re
from collections.abc import Sequence

from exporter.profiles import JobReader, Profile, Reader, is_job, pods_of
from exporter.resources.objects import OwnerReference

__all__ = ["DEADLINE_ANNOTATION", "RunKind", "controller_of", "pods_part", "run_kinds"]

DEADLINE_ANNOTATION = "coderun-exporter/job-creation-deadline"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunKind:
    """One kind of run: a profile in which everything is said.

    A run of a kind that is not the `main` one carries its kind in its name on the page (`docsrun/NAME`, which
    kubectl accepts): two kinds may use one name, and two series may not. Kinds of one name carry PLURAL.GROUP.
    """

    profile: Profile
    main: bool = True
    unique: bool = True
    """Whether no other kind has its name."""
    title: str = ""
    """Its plural; `PLURAL.GROUP` where another kind has the same."""
    pods: str | None = None
    """The label selector of the list that holds its worker Pods; None: no Pod works for its runs."""

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
        """The kind, as the ownerReference of a Job names it."""
        return self.profile.kind or ""

    @functools.cached_property
    def resource(self) -> str:
        """`PLURAL.GROUP`."""
        return f"{self.plural}.{self.group}"

    @functools.cached_property
    def is_job(self) -> bool:
        """Whether its runs are Jobs themselves."""
        return is_job(self.profile)

    @functools.cached_property
    def requires_configmaps(self) -> bool:
        """Whether a broken required ConfigMap may be why a run of this kind has no Job."""
        return bool(self.profile.requires_configmaps)

    @functools.cached_property
    def reader(self) -> Reader:
        """What its objects say."""
        return Reader(self.profile, more=[f".metadata.annotations.{DEADLINE_ANNOTATION}"])

    @functools.cached_property
    def job_reader(self) -> JobReader:
        """What the Jobs of its runs say."""
        return JobReader(self.profile)

    @functools.cached_property
    def pod_reader(self) -> JobReader:
        """What the worker Pods of its runs say."""
        return JobReader(self.profile, worker="Pod")

    @functools.cached_property
    def owns_pods(self) -> bool:
        """Whether its runs control Pods that work for them."""
        return any(not worker.named for worker in pods_of(self.profile))

    @functools.cached_property
    def names_pods(self) -> bool:
        """Whether its runs take Pods by their names."""
        return any(worker.named for worker in pods_of(self.profile))

    @functools.cached_property
    def main_containers(self) -> re.Pattern[str] | None:
        """The names of the main containers of its worker Pods; None: each Pod's own default."""
        given = [worker.container for worker in pods_of(self.profile)]
        names = [name for one in given for name in ([one] if isinstance(one, str) else one)]
        return re.compile("|".join(map(fnmatch.translate, names))) if names else None

    def workers(self, worker: str) -> str:
        """What the parts of the table begin with that hold its workers of this kind."""
        return pods_part(self.pods or "") if worker == "Pod" else ""

    @functools.cached_property
    def prefix(self) -> str:
        """What stands before the names of its runs on the page."""
        return "" if self.main else f"{self.kind.lower() if self.unique else self.resource}/"

    def shown(self, name: str) -> str:
        """A run's name on the page."""
        return self.prefix + name


def pods_part(selector: str) -> str:
    """What the parts of the table begin with that hold the Pods of this label selector."""
    return f"pods/{selector}/"


def run_kinds(profiles: Sequence[Profile]) -> list[RunKind]:
    """Of these profiles; the first one that is read from objects of its own is the main one."""
    first = next((index for index, profile in enumerate(profiles) if not is_job(profile)), None)
    names = [*((profile.kind or "").lower() for profile in profiles), "job"]  # Jobs are read besides
    plurals = [*(profile.plural or "" for profile in profiles), "jobs", "pods", "configmaps"]
    selectors = [next((one.selector for one in pods_of(profile)), None) for profile in profiles]
    by_name = any(worker.named for profile in profiles for worker in pods_of(profile))
    if "" in selectors or (by_name and len({*selectors} - {None}) > 1):
        # One list of all Pods holds those of every kind. A Pod in two lists would be two workers: its run's, by its
        # ownerReference, and another one by its name.
        selectors = [None if selector is None else "" for selector in selectors]
    return [
        RunKind(
            profile=profile,
            main=index == first,
            unique=names.count(names[index]) == 1,
            pods=selectors[index],
            title=plurals[index] if plurals.count(plurals[index]) == 1 else f"{plurals[index]}.{profile.group}",
        )
        for index, profile in enumerate(profiles)
    ]


def controller_of(
    references: Sequence[OwnerReference], kinds: Sequence[RunKind]
) -> tuple[OwnerReference, RunKind | None]:
    """The custom resource that controls an object, whatever its version. The case of the kind is ignored."""
    for reference in references:
        group = (reference.api_version or "").partition("/")[0]
        for kind in kinds:
            if kind.is_job or not reference.controller:
                continue
            if group == kind.group and (reference.kind or "").lower() == kind.kind.lower():
                return reference, kind
    return OwnerReference(), None
