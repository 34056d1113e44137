"""Worker runs: runs that are the worker of a run of another kind, such as the Sandbox of a SandboxClaim."""

from collections.abc import Iterable, Sequence
from typing import Final

from exporter.profiles.language import Profile, is_job, profile_workers
from exporter.profiles.shipped import resolve, shipped_names

__all__ = ["BUILT_IN", "WorkerKindError", "check_worker_kinds", "name_of", "names_of", "worker_kinds"]

BUILT_IN: Final = ("Job", "Pod", "none", "self")
"""The values of `worker.is` that are not kinds of runs."""


class WorkerKindError(ValueError):
    """A worker of the profile at `index` cannot be read. The message is one line; `key` is the key of the worker."""

    def __init__(self, message: str, *, index: int, key: str) -> None:
        super().__init__(message)
        self.index = index
        self.key = key


def name_of(profile: Profile) -> str:
    """`PLURAL.GROUP`."""
    return f"{profile.plural}.{profile.group}"


def names_of(profiles: Iterable[Profile]) -> list[str]:
    """The values of `worker.is` for these kinds: the kind and `PLURAL.GROUP` of each."""
    return [name for one in profiles for name in (one.kind or "", name_of(one)) if name]


def worker_kinds(profile: Profile, profiles: Sequence[Profile]) -> dict[str, Profile]:
    """The profiles of the worker kinds of a profile, by the value of `worker.is`. Jobs and Pods are not included."""
    found = {worker.is_: _profiles_named(worker.is_, profiles) for worker in profile_workers(profile)}
    return {text: kinds[0] for text, kinds in found.items() if len(kinds) == 1}


def check_worker_kinds(profiles: Sequence[Profile]) -> None:
    """Checks that each worker is read, and that no kind is its own worker. `profiles` are all in the settings.

    Raises WorkerKindError.
    """
    for index, profile in enumerate(profiles):
        for number, worker in enumerate(profile_workers(profile)):
            key = f"worker[{number}].is" if isinstance(profile.worker, tuple) else "worker.is"
            if worker.is_ not in BUILT_IN and (fault := _fault(worker.is_, profiles)):
                raise WorkerKindError(fault, index=index, key=key)
        if name_of(profile) in _below(profile, profiles):
            fault = f"the runs of {name_of(profile)} would be workers of each other"
            raise WorkerKindError(fault, index=index, key="worker")


def _fault(text: str, profiles: Sequence[Profile]) -> str:
    found = [name_of(one) for one in _profiles_named(text, profiles)]
    if len(found) > 1:
        return f"several kinds are called {text}: write {' or '.join(found)}"
    if found:
        return ""
    names = (
        " or ".join(name_of(one) for one in _profiles_named(text, [resolve(name) for name in shipped_names()]))
        or "its profile"
    )
    return f"{text} is not read: add {names} to coderuns.kinds, or set worker to {{is: none}}"


def _below(profile: Profile, profiles: Sequence[Profile]) -> set[str]:
    """The names of the worker kinds of this kind, directly or through others."""
    below, waiting = set[str](), [profile]
    while waiting:
        for found in worker_kinds(waiting.pop(), profiles).values():
            if name_of(found) not in below:
                below.add(name_of(found))
                waiting.append(found)
    return below


def _profiles_named(text: str, profiles: Sequence[Profile]) -> list[Profile]:
    """The kinds of runs of this kind or PLURAL.GROUP."""
    if text in BUILT_IN:
        return []
    return [one for one in profiles if text in names_of([one]) and not is_job(one)]
