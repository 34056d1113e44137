"""The alerts of the shipped rules in a world."""

import asyncio
import concurrent.futures
import dataclasses
from collections.abc import Iterable, Mapping

from lab.timelapse.judge import Firing, texts, verdict
from lab.worlds.player import AFTER, MINUTE, SNAPSHOT, Played, play
from lab.worlds.table import WORLDS, Alert, World

__all__ = ["Outcome", "Raised", "about", "outcome_of", "outcomes", "raised_by"]

_OBJECTS = ("coderun", "job_name", "configmap", "agent", "namespace")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Raised:
    """An alert that fired. `annotations` are those of its first evaluation, if the table needs texts."""

    alert: Alert
    firing: Firing
    annotations: Mapping[str, str]

    @property
    def ends(self) -> bool:
        """Whether it resolves before the end of the world."""
        return self.firing.last < SNAPSHOT + AFTER

    @property
    def flaps(self) -> bool:
        """Whether it resolved and fired again."""
        return self.firing.evaluations * MINUTE != self.firing.last - self.firing.first + MINUTE


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a world; `page` is the response of the exporter at the snapshot."""

    world: World
    played: Played
    raised: tuple[Raised, ...]

    @property
    def unexpected(self) -> frozenset[Alert]:
        """The alerts that should not be raised."""
        return frozenset(each.alert for each in self.raised) - self.world.raised - self.world.allowed

    @property
    def missing(self) -> frozenset[Alert]:
        """The alerts that should be raised at the end."""
        return self.world.raised - {each.alert for each in self.raised if not each.ends}

    @property
    def expected(self) -> tuple[Raised, ...]:
        """The raised alerts that are in the column of the table."""
        return tuple(each for each in self.raised if each.alert in self.world.raised)


def about(labels: Mapping[str, str]) -> str:
    """The object of an alert."""
    return next((labels[label] for label in _OBJECTS if label in labels), "")


def outcomes(worlds: Iterable[World] = WORLDS) -> tuple[Outcome, ...]:
    """The results in order; two worlds run at the same time. Raises JudgeError without promtool."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        return tuple(pool.map(outcome_of, worlds))


def outcome_of(world: World) -> Outcome:
    """The result of a world. Raises JudgeError without promtool."""
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
