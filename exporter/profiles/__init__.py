"""Kinds of runs as data: how the objects of any platform's custom resource are read.

A profile says it in paths and lists of values (docs/profiles.md); it is compiled to a type that decodes these fields
and nothing else. No name, phase or field of a kind stands anywhere else in the code.
"""

from exporter.profiles.checking import ProfileError, check
from exporter.profiles.language import Profile, StateRule, is_job, pods_of, resource_of
from exporter.profiles.reading import JobReader, Reader, State
from exporter.profiles.shipped import DEFAULT, resolved, shipped

__all__ = [
    "DEFAULT",
    "JobReader",
    "Profile",
    "ProfileError",
    "Reader",
    "State",
    "StateRule",
    "check",
    "is_job",
    "pods_of",
    "resolved",
    "resource_of",
    "shipped",
]
