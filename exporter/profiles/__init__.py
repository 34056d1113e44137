"""Profiles: how to read the custom resources of a platform as runs.

A profile consists of paths and lists of values (docs/profiles.md). It is compiled to a type that decodes only these
fields. The code contains no names, phases or fields of specific kinds. The worker of a run is the object that does
its work: a Job, a Pod, or another run.
"""

from exporter.profiles.checking import ProfileError, check
from exporter.profiles.language import (
    Profile,
    StateRule,
    Worker,
    is_job,
    parse_resource,
    pod_workers,
    profile_workers,
)
from exporter.profiles.reading import JobReader, Reader, State
from exporter.profiles.shipped import DEFAULT, ShippedProfileError, resolve, shipped_profiles
from exporter.profiles.worker_kinds import WorkerKindError, check_worker_kinds, name_of, worker_kinds

__all__ = [
    "DEFAULT",
    "JobReader",
    "Profile",
    "ProfileError",
    "Reader",
    "ShippedProfileError",
    "State",
    "StateRule",
    "Worker",
    "WorkerKindError",
    "check",
    "check_worker_kinds",
    "is_job",
    "name_of",
    "parse_resource",
    "pod_workers",
    "profile_workers",
    "resolve",
    "shipped_profiles",
    "worker_kinds",
]
