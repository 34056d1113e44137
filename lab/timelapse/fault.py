"""A fault: its start and end, and the alert that must report it."""

import dataclasses
import functools
import random
from collections.abc import Callable, Mapping

from lab.timelapse.evaluation import Firing
from lab.timelapse.normal import Schedule

__all__ = ["MINUTE", "Fault", "Kind", "kind"]

MINUTE = 60.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault: its start and end (seconds since the epoch), and the expected alert."""

    what: str
    begin: float
    end: float
    alert: str
    labels: Mapping[str, str]
    """Labels that the alert must have; a value that ends in `*` is a prefix."""
    within: float
    """Maximum seconds from `begin` to the alert: the time in alerts/README.md plus 30 s for the scrape interval."""
    may_also_fire: tuple[str, ...] = ()
    """Other alerts that may fire because of the fault."""
    before: float = 0.0
    """Seconds before `begin` in which the alert may already fire because of the fault."""

    def found_by(self, one: Firing) -> bool:
        """Whether the alert reports this fault."""
        present = self.begin - self.before <= one.first <= self.end
        return present and one.alert == self.alert and _concerns(one, self.labels)

    def explains(self, one: Firing) -> bool:
        """Whether the alert is a consequence of this fault."""
        present = self.begin - self.before <= one.first <= self.end + 20 * MINUTE
        return present and one.alert in (self.alert, *self.may_also_fire)


def _concerns(one: Firing, labels: Mapping[str, str]) -> bool:
    """Whether the alert has these labels."""
    return all(
        one.labels.get(name, "").startswith(value[:-1]) if value.endswith("*") else one.labels.get(name) == value
        for name, value in labels.items()
    )


Kind = Callable[[Schedule, float, random.Random], Fault]
"""A kind of fault, not of Kubernetes objects: a function that adds such a fault to a simulation, starting at a time
(seconds since the epoch)."""


def kind(
    what: str,
    *,
    alert: str,
    lasts: float,
    within: float,
    may_also_fire: tuple[str, ...] = (),
    before: float = 0.0,
) -> Callable[[Callable[[Schedule, float, float, random.Random], Mapping[str, str]]], Kind]:
    """A decorator that creates a kind of fault. `lasts` is its duration in seconds; see `Fault` for the others.

    The decorated function adds the actions of the fault to the simulation, and returns the labels that the alert must
    have.
    """

    def decorate(happens: Callable[[Schedule, float, float, random.Random], Mapping[str, str]]) -> Kind:
        @functools.wraps(happens)
        def made(schedule: Schedule, at: float, rng: random.Random) -> Fault:
            end = at + lasts
            labels = happens(schedule, at, end, rng)
            return Fault(
                what=what,
                begin=at,
                end=end,
                alert=alert,
                labels=labels,
                within=within,
                may_also_fire=may_also_fire,
                before=before,
            )

        return made

    return decorate
