"""Validates profiles beyond types: invalid paths, values in two states, workers that cannot be listed."""

import contextlib
import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from exporter.profiles.language import (
    STATE_NAMES,
    About,
    Delivery,
    From,
    JobAbout,
    Profile,
    Source,
    StateRule,
    Worker,
    is_job,
    parse_resource,
    pod_workers,
    profile_workers,
)
from exporter.profiles.naming import wrong_name
from exporter.profiles.paths import Path, PathError, parse
from exporter.profiles.reading import Reader
from exporter.profiles.shipped import UnknownProfileError, resolve, shipped_names, shipped_profiles
from exporter.profiles.sources import all_source_paths, as_tuple, is_path, listed_texts, source_paths
from exporter.profiles.worker_kinds import BUILT_IN, names_of
from exporter.selectors import LABEL_KEY, SELECTOR

__all__ = ["ProfileError", "check"]

_JOB_FIELDS: Final = ("labels", "annotations")
_CONDITIONS: Final = ("only", "ready", "long_lived")
_JOBS: Final = ("jobs", "batch")
_POD_KEYS: Final = ("selector", "named", "shared")
_CONTAINER: Final = re.compile(r"[a-z0-9*]([-a-z0-9*]{0,61}[a-z0-9*])?")  # an RFC 1123 label, with * for any text
_MISSING_DOT: Final = re.compile(r"(metadata|spec|status)[.\[]")


class ProfileError(ValueError):
    """An invalid profile. The message is one line; `key` is the location, such as `state[0].path`, or empty."""

    def __init__(self, message: str, *, key: str) -> None:
        super().__init__(message)
        self.key = key


def check(given: str | Profile, *, others: Iterable[str | Profile] = ()) -> None:
    """Raises ProfileError. `others` are all profiles of the settings: runs of each may be workers."""
    try:
        profile = resolve(given)
    except UnknownProfileError as error:
        raise ProfileError(str(error), key="") from error
    if isinstance(given, str):
        return
    _check_names(given, profile)
    _check_states(given.state)
    several = isinstance(given.worker, tuple)
    if given.worker == ():
        raise ProfileError("the list is empty: write {is: none} if runs have no worker", key="worker")
    for index, worker in enumerate(profile_workers(given)):
        _check_worker(worker, f"worker[{index}]" if several else "worker", others)
    _check_selectors(given)
    for name, part in (("about", given.about), ("times", given.times)):
        _check_sources(part, name)
    _check_delivery(given.delivers)
    for name in _CONDITIONS:
        conditions = getattr(given, name)
        _check_conditions(conditions if isinstance(conditions, dict) else {}, name)
    if is_job(profile) or (profile.plural, profile.group) == _JOBS:
        _check_jobs(profile)
    for index, path in enumerate(given.undecodable_when_empty or ()):
        with _at(f"undecodable_when_empty[{index}]"):
            parse(path)
    with _at(""):
        Reader(profile, more={"any": ".metadata.annotations.any"})  # valid paths may contradict each other


@contextlib.contextmanager
def _at(key: str) -> Iterator[None]:
    try:
        yield
    except PathError as error:
        raise ProfileError(str(error), key=key) from error


def _check_names(given: Profile, profile: Profile) -> None:
    if given.name is not None:
        raise ProfileError("only shipped profiles have a name", key="name")
    if given.kind == "":
        raise ProfileError("the kind is empty", key="kind")
    if given.resource is not None:
        _check_resource(given, given.resource)
    if (wrong := wrong_name(profile)) is not None:
        key, text = wrong
        raise ProfileError(text, key="resource" if key != "kind" and given.resource is not None else key)


def _check_resource(given: Profile, resource: str) -> None:
    name = parse_resource(resource)
    if not name.plural or not name.group:
        raise ProfileError(f"{resource!r} is not PLURAL.GROUP or PLURAL.VERSION.GROUP", key="resource")
    for key in ("group", "version", "plural"):
        if getattr(given, key) is not None:
            raise ProfileError("conflicts with resource: remove one of them", key=key)
    if name.name not in shipped_profiles():
        if given.kind is None:
            raise ProfileError(f"there is no shipped profile for {name.name}, so kind is required", key="resource")
        if not name.version:
            raise ProfileError(f"version is required: {name.plural}.VERSION.{name.group}", key="resource")


def _check_states(rules: tuple[StateRule, ...]) -> None:
    states: dict[tuple[Path, str], str] = {}
    for index, rule in enumerate(rules):
        with _at(f"state[{index}].path"):
            path = parse(rule.path)
        listed = [(state, value) for state in STATE_NAMES for value in getattr(rule, state)]
        if not listed:
            raise ProfileError(f"no value is listed for {rule.path!r}", key=f"state[{index}]")
        for state, value in listed:
            for text in listed_texts(value):
                first = states.setdefault((path, text), state)
                if first != state:
                    message = f"{value!r} is listed for two states, {first} and {state}"
                    raise ProfileError(message, key=f"state[{index}].{state}")


def _check_worker(worker: Worker, key: str, others: Iterable[str | Profile]) -> None:
    profiles = [*map(resolve, shipped_names()), *(resolve(one) for one in others if isinstance(one, Profile))]
    known = dict.fromkeys([*BUILT_IN, *names_of(profiles)])
    if worker.is_ not in known:
        near = difflib.get_close_matches(worker.is_, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"write {', '.join(BUILT_IN)} or the kind of another profile"
        raise ProfileError(f"{worker.is_!r} cannot be listed; {hint}", key=f"{key}.is")
    _check_pod(worker, key)
    _check_source(worker.reported, f"{key}.reported")
    _check_conditions(worker.when, f"{key}.when")
    _check_sources(worker.about, f"{key}.about")
    for name in JobAbout.__struct_fields__:
        _check_job_paths(all_source_paths(getattr(worker.about, name)), f"{key}.about.{name}")


def _check_pod(worker: Worker, key: str) -> None:
    for name in _POD_KEYS if worker.is_ != "Pod" else ():
        if getattr(worker, name):
            raise ProfileError(
                f"{name} is only supported for Pods: write {{is: Pod}} or remove it", key=f"{key}.{name}"
            )
    if not SELECTOR.fullmatch(worker.selector):
        text = f"{worker.selector!r} is not a label selector, such as `kubeopencode.io/task` or `app in (a, b)`"
        raise ProfileError(text, key=f"{key}.selector")
    _check_source(worker.named, f"{key}.named")
    if worker.named and not source_paths(worker.named):
        raise ProfileError("named must contain a path: otherwise all runs have the same Pod", key=f"{key}.named")
    if worker.shared and not worker.named:
        raise ProfileError("shared requires named, because no run controls a shared Pod", key=f"{key}.shared")
    for one in as_tuple(worker.container) if worker.container else ():
        if not _CONTAINER.fullmatch(str(one)):
            text = f"{one!r} is not the name of a container: a-z, 0-9, - and * for any text"
            raise ProfileError(text, key=f"{key}.container")
    if worker.container_label and not LABEL_KEY.fullmatch(worker.container_label):
        text = f"{worker.container_label!r} is not the key of a label, such as `cli-container` or `example.com/main`"
        raise ProfileError(text, key=f"{key}.container_label")


def _check_delivery(delivery: Delivery | None) -> None:
    if delivery is None:
        return
    _check_source(delivery.pull_request, "delivers.pull_request")
    if not source_paths(delivery.pull_request):
        raise ProfileError("a path is required: otherwise no run, or each run, has one", key="delivers.pull_request")
    _check_conditions(delivery.when, "delivers.when")


def _check_selectors(given: Profile) -> None:
    """Rejects several selectors in one profile, because a Pod selected by both would be counted twice."""
    if len({worker.selector for worker in pod_workers(given)}) > 1:
        text = "all Pod workers of a profile must have the same selector"
        raise ProfileError(text, key="worker")


def _check_jobs(profile: Profile) -> None:
    """Validates a profile whose runs are Jobs, selected by labels and annotations."""
    if (profile.plural, profile.group) != _JOBS:
        raise ProfileError("self is only supported for the resource jobs.v1.batch", key="worker.is")
    if not is_job(profile):
        raise ProfileError("the worker of jobs.v1.batch must be {is: self}", key="worker.is")
    if len(profile_workers(profile)) > 1 or profile_workers(profile)[0].when:
        raise ProfileError("self must be the only worker, without when: only selects the Jobs", key="worker")
    if not profile.only:
        raise ProfileError("only is required: otherwise every Job is a run", key="worker.is")
    for key in ("ready", "long_lived", "delivers"):
        if getattr(profile, key):
            raise ProfileError("not supported for jobs.v1.batch", key=key)
    about = profile.about or About()
    for key, paths in (
        ("only", [parse(path) for path in profile.only]),
        *((f"about.{name}", all_source_paths(getattr(about, name))) for name in JobAbout.__struct_fields__),
    ):
        _check_job_paths(paths, key)


def _check_job_paths(paths: Iterable[Path], key: str) -> None:
    for path in paths:
        if len(path) != 3 or path[0] != "metadata" or path[1] not in _JOB_FIELDS:  # noqa: PLR2004 (its name)
            message = "only .metadata.labels.NAME and .metadata.annotations.NAME are supported for Jobs and Pods"
            raise ProfileError(message, key=key)


def _check_sources(part: Any, key: str) -> None:
    for name in part.__struct_fields__ if part is not None else ():
        _check_source(getattr(part, name), f"{key}.{name}")


def _check_source(source: Source, key: str) -> None:
    several = isinstance(source, tuple)
    for index, one in enumerate(as_tuple(source)):
        where = f"{key}[{index}]" if several else key
        with _at(where):
            _check_dot(one if isinstance(one, str) else one.path)
            if isinstance(one, From) or is_path(one) or key.startswith("times."):
                parse(one if isinstance(one, str) else one.path)
        if isinstance(one, From):
            _check_conditions(one.when, f"{where}.when")


def _check_dot(text: str) -> None:
    if _MISSING_DOT.match(text):
        raise PathError(f"{text!r} is not a path; did you mean {'.' + text!r}?")


def _check_conditions(conditions: dict[str, Any], key: str) -> None:
    for path, values in conditions.items():
        with _at(key):
            _check_dot(path)
            parse(path)
        if not values:
            raise ProfileError(f"no value is listed for {path!r}", key=key)
