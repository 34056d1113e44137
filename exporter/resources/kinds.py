"""The kinds of runs: custom resources that a controller turns into Jobs, each read by its profile."""

import dataclasses
import functools
from collections.abc import Sequence

from exporter.profiles import JobReader, Profile, Reader, is_job

__all__ = ["DEADLINE_ANNOTATION", "RunKind", "run_kinds"]

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
    def prefix(self) -> str:
        """What stands before the names of its runs on the page."""
        return "" if self.main else f"{self.kind.lower() if self.unique else self.resource}/"

    def shown(self, name: str) -> str:
        """A run's name on the page."""
        return self.prefix + name

    def path(self, namespace: str | None) -> str:
        """Where its objects are listed; None: in all namespaces."""
        inside = f"/namespaces/{namespace}" if namespace else ""
        return f"/apis/{self.group}/{self.version}{inside}/{self.plural}"


def run_kinds(profiles: Sequence[Profile]) -> list[RunKind]:
    """Of these profiles; the first one that is read from objects of its own is the main one."""
    first = next((index for index, profile in enumerate(profiles) if not is_job(profile)), None)
    names = [*((profile.kind or "").lower() for profile in profiles), "job"]  # Jobs are read besides
    plurals = [*(profile.plural or "" for profile in profiles), "jobs", "configmaps"]
    return [
        RunKind(
            profile=profile,
            main=index == first,
            unique=names.count(names[index]) == 1,
            title=plurals[index] if plurals.count(plurals[index]) == 1 else f"{plurals[index]}.{profile.group}",
        )
        for index, profile in enumerate(profiles)
    ]
