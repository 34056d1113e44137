"""A fault: its start and end, and the alert that must report it."""

import dataclasses
import functools
import random
from collections.abc import Callable, Mapping

from lab.timelapse.judge import Firing
from lab.timelapse.normal import Life

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
    beside: tuple[str, ...] = ()
    """Other alerts that may fire because of it."""
    before: float = 0.0
    """Seconds before `begin` in which the alert may already fire because of the fault."""

    def found_by(self, one: Firing) -> bool:
        """Whether that alert reports this fault."""
        present = self.begin - self.before <= one.first <= self.end
        return present and one.alert == self.alert and _concerns(one, self.labels)

    def explains(self, one: Firing) -> bool:
        """Whether that alert is a consequence of this fault."""
        present = self.begin - self.before <= one.first <= self.end + 20 * MINUTE
        return present and one.alert in (self.alert, *self.beside)


def _concerns(one: Firing, labels: Mapping[str, str]) -> bool:
    """Whether the alert has these labels."""
    return all(
        one.labels.get(name, "").startswith(value[:-1]) if value.endswith("*") else one.labels.get(name) == value
        for name, value in labels.items()
    )


Kind = Callable[[Life, float, random.Random], Fault]
"""Adds a fault to the agenda of a simulation, from a time on (seconds since the epoch)."""


def kind(
    what: str,
    *,
    alert: str,
    lasts: float,
    within: float,
    beside: tuple[str, ...] = (),
    before: float = 0.0,
) -> Callable[[Callable[[Life, float, float, random.Random], Mapping[str, str]]], Kind]:
    """Creates a kind of fault from a function that adds it to the agenda, from its start to its end.

    The function returns the labels that the alert must have; `lasts` is the duration in seconds.
    """

    def decorate(happens: Callable[[Life, float, float, random.Random], Mapping[str, str]]) -> Kind:
        @functools.wraps(happens)
        def made(life: Life, at: float, rng: random.Random) -> Fault:
            end = at + lasts
            labels = happens(life, at, end, rng)
            return Fault(
                what=what, begin=at, end=end, alert=alert, labels=labels, within=within, beside=beside, before=before
            )

        return made

    return decorate
