"""Runs worlds, and evaluates the shipped rules over their series."""

import asyncio
import concurrent.futures
import dataclasses
from collections.abc import Iterable, Mapping

from lab.timelapse.evaluation import Firing, texts, verdict
from lab.worlds.player import AFTER, MINUTE, SNAPSHOT, Played, play
from lab.worlds.table import WORLDS, Alert, World

__all__ = ["Outcome", "Raised", "about", "outcome_of", "outcomes", "raised_by"]

_OBJECTS = ("coderun", "job_name", "configmap", "agent", "namespace")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Raised:
    """An alert that fired. `annotations` are those of its first evaluation; empty if the world tests no texts."""

    alert: Alert
    firing: Firing
    annotations: Mapping[str, str]

    @property
    def ends(self) -> bool:
        """Whether the alert resolves before the end of the simulation."""
        return self.firing.last < SNAPSHOT + AFTER

    @property
    def flaps(self) -> bool:
        """Whether the alert resolved and fired again."""
        return self.firing.evaluations * MINUTE != self.firing.last - self.firing.first + MINUTE


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a world: its series, and the alerts that fired."""

    world: World
    played: Played
    raised: tuple[Raised, ...]

    @property
    def unexpected(self) -> frozenset[Alert]:
        """The alerts that fired although they must not."""
        return frozenset(each.alert for each in self.raised) - self.world.raised - self.world.allowed

    @property
    def missing(self) -> frozenset[Alert]:
        """The alerts that do not fire at the end although they must."""
        return self.world.raised - {each.alert for each in self.raised if not each.ends}

    @property
    def expected(self) -> tuple[Raised, ...]:
        """The alerts that fired and must fire."""
        return tuple(each for each in self.raised if each.alert in self.world.raised)


def about(labels: Mapping[str, str]) -> str:
    """The name of an alert's object."""
    return next((labels[label] for label in _OBJECTS if label in labels), "")


def outcomes(worlds: Iterable[World] = WORLDS) -> tuple[Outcome, ...]:
    """The results of all worlds, in order. Two worlds run in parallel. Raises EvaluationError without promtool."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        return tuple(pool.map(outcome_of, worlds))


def outcome_of(world: World) -> Outcome:
    """The result of a world. Raises EvaluationError without promtool."""
    played = asyncio.run(play(world))
    return Outcome(world=world, played=played, raised=raised_by(played, with_texts=bool(world.said)))


def raised_by(played: Played, *, with_texts: bool) -> tuple[Raised, ...]:
    """The alerts of the shipped rules for these series, evaluated each minute."""
    last = played.recorder.scrapes - 1
    fired = verdict(played.recorder, start=played.start, first=0, last=last, step=MINUTE)
    said: Iterable[Mapping[str, str]] = [{} for _ in fired]
    if with_texts and fired:
        said = texts(played.recorder, fired, start=played.start, step=MINUTE)
    return tuple(
        Raised(
            alert=Alert(one.alert, one.labels["severity"], about(one.labels)),
            firing=one,
            annotations=annotations,
        )
        for one, annotations in zip(fired, said, strict=True)
    )
