"""Compiles a profile to the wire type of its objects and to functions of their values."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from exporter.profiles.fields import field_types
from exporter.profiles.language import (
    STATE_NAMES,
    About,
    Delivery,
    JobAbout,
    Profile,
    Source,
    StateRule,
    Times,
    is_job,
    profile_workers,
)
from exporter.profiles.paths import parse
from exporter.profiles.sources import (
    Condition,
    Index,
    Texts,
    all_source_paths,
    condition,
    listed_texts,
    moment,
    text_or_present,
    texts,
)
from exporter.profiles.wire import Wire

__all__ = ["CompiledWorker", "JobReader", "Reader", "State"]


class State(NamedTuple):
    """The state of a run, the value that determined it or that no rule lists, and the label for that value.

    `value` is empty only if no rule finds a value. `label` is from a closed set.
    """

    state: str
    value: str
    label: str


class CompiledWorker(NamedTuple):
    """A compiled worker of a profile."""

    kind: str
    holds: Condition
    names: Texts
    """The names of the worker in the run: the name by which it is matched, and the name in the status."""
    is_named: bool
    shared: bool


class Rule(NamedTuple):
    """A compiled state rule: the state of each listed value. The empty text is a missing value."""

    at: int
    listed: Mapping[str, State]


class Reader:
    """Reads the objects of one profile: `values` extracts the values, other methods interpret them. Raises PathError.

    `more` are additional paths by name, read as text; the attribute `more` has the indexes of their values. `index`
    maps a path to the index of its value; `states` are the paths of the state rules.
    """

    def __init__(self, profile: Profile, *, more: Mapping[str, str] | None = None) -> None:
        more = more or {}
        about, times = profile.about or About(), profile.times or Times()
        workers = profile_workers(profile)
        wire = Wire(field_types(profile, more=[*more.values()]))
        index = wire.index.__getitem__
        self.type = wire.type
        self.values = wire.values
        self.index = wire.index
        self.states = [parse(rule.path) for rule in profile.state]
        self.about = texts(msgspec.structs.astuple(about), index)  # in the order of About
        self.since, self.started, self.finished, self.work_completed = (
            moment(source, index) for source in (times.since, times.started, times.finished, times.work_completed)
        )
        self.is_run, self.is_ready = (condition(one, index) if one else None for one in (profile.only, profile.ready))
        self.is_long_lived = _long_lived(profile, index)
        self.has_pull_request = _has_pull_request(profile.delivers, index)
        self.more = {name: index(parse(path)) for name, path in more.items()}
        self._rules = [_rule(rule, index) for rule in profile.state]
        self._not_empty = [(index(parse(path)), path.lstrip(".")) for path in profile.undecodable_when_empty or ()]
        self._workers = [
            CompiledWorker(
                kind=one.is_,
                holds=condition(one.when, index),
                names=texts([one.named, one.reported or one.named], index),
                is_named=bool(one.named),
                shared=one.shared,
            )
            for one in workers
        ]

    def state(self, values: Sequence[Any]) -> State:
        """The state from the first rule that lists the value of its field; `open` if no rule does."""
        seen = ""
        for at, listed in self._rules:
            value = values[at]
            text = value if value.__class__ is str else text_or_present(value)
            if (found := listed.get(text)) is not None:
                return found if text or not seen else found._replace(value=seen)
            if text and (found := listed.get("present")) is not None:
                return found._replace(value=text)
            seen = seen or text
        return State("open", seen, "other" if seen else "none")

    def undecodable(self, values: Sequence[Any]) -> str:
        """Why the controller cannot decode this object; empty if it can."""
        for at, path in self._not_empty:
            if values[at] == "":
                return f"{path} is empty"
        return ""

    def worker(self, values: Sequence[Any]) -> CompiledWorker | None:
        """The first worker whose conditions hold."""
        for worker in self._workers:
            if worker.holds(values):
                return worker
        return None


class JobReader:
    """Reads labels and annotations of the Jobs or Pods of a profile's runs, or of Jobs that are runs.

    `worker` is the kind of the objects.
    """

    def __init__(self, profile: Profile, *, worker: str = "Job") -> None:
        of_jobs = (one.about for one in profile_workers(profile) if one.is_ == worker)
        known: Any = profile.about if is_job(profile) else next(of_jobs, None)
        sources: list[Source] = [getattr(known, name, ()) for name in JobAbout.__struct_fields__]
        only = (is_job(profile) and profile.only) or {}  # for other kinds, `only` reads fields of the run
        paths = list(
            dict.fromkeys([*map(parse, only), *(one for source in sources for one in all_source_paths(source))])
        )
        self._keys = [(path[1] == "labels", str(path[2])) for path in paths]
        self._about = texts(sources, paths.index)
        self._is_run = condition(only, paths.index)

    def about(self, labels: Mapping[str, str], annotations: Mapping[str, str]) -> list[str]:
        """The values, in the order of JobAbout."""
        return self._about(self._values(labels, annotations))

    def is_run(self, labels: Mapping[str, str], annotations: Mapping[str, str]) -> bool:
        """Whether this Job is itself a run."""
        return self._is_run(self._values(labels, annotations))

    def _values(self, labels: Mapping[str, str], annotations: Mapping[str, str]) -> list[str | None]:
        return [(labels if is_label else annotations).get(key) for is_label, key in self._keys]


def _long_lived(profile: Profile, index: Index) -> Condition:
    """Compiles `long_lived`: a constant or conditions."""
    given = profile.long_lived
    return condition(given, index) if given and isinstance(given, dict) else lambda _: given is True


def _has_pull_request(delivery: Delivery | None, index: Index) -> Callable[[Sequence[Any]], bool | None]:
    """Whether a run has the pull request that is expected of it; None if none is expected."""
    if delivery is None:
        return lambda _: None
    is_expected, urls = condition(delivery.when, index), texts([delivery.pull_request], index)
    return lambda values: bool(urls(values)[0]) if is_expected(values) else None


def _rule(rule: StateRule, index: Index) -> Rule:
    listed: dict[str, State] = {}
    for state in STATE_NAMES:
        for value in getattr(rule, state):
            for text in listed_texts(value):
                listed.setdefault(text, State(state, text, text or "none"))
    return Rule(index(parse(rule.path)), listed)
