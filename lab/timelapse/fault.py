"""A fault: from when to when it is there, and which alert has to report it."""

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
    """One fault: from when (seconds since the epoch) to when it was there, and what is to be reported of it."""

    what: str
    begin: float
    end: float
    alert: str
    labels: Mapping[str, str]
    """What the alert's labels must hold; a value that ends in `*` is the beginning of one."""
    within: float
    """Seconds from `begin` to the alert: what alerts/README.md promises, and 30 s for where the scrape falls."""
    beside: tuple[str, ...] = ()
    """What else may fire because of it."""
    before: float = 0.0
    """Seconds before `begin` in which the alert may fire: what happens then is of the fault already."""

    def found_by(self, one: Firing) -> bool:
        """Whether that alert reports this fault."""
        present = self.begin - self.before <= one.first <= self.end
        return present and one.alert == self.alert and _concerns(one, self.labels)

    def explains(self, one: Firing) -> bool:
        """Whether that alert is a consequence."""
        present = self.begin - self.before <= one.first <= self.end + 20 * MINUTE
        return present and one.alert in (self.alert, *self.beside)


def _concerns(one: Firing, labels: Mapping[str, str]) -> bool:
    """Whether the alert has these labels."""
    return all(
        one.labels.get(name, "").startswith(value[:-1]) if value.endswith("*") else one.labels.get(name) == value
        for name, value in labels.items()
    )


Kind = Callable[[Life, float, random.Random], Fault]
"""Puts a fault on a life's agenda, from that moment (seconds since the epoch) on."""


def kind(
    what: str,
    *,
    alert: str,
    lasts: float,
    within: float,
    beside: tuple[str, ...] = (),
    before: float = 0.0,
) -> Callable[[Callable[[Life, float, float, random.Random], Mapping[str, str]]], Kind]:
    """Makes a kind of fault of a function that puts one on the agenda, from its begin to its end.

    The function gives the labels that the alert's must hold; `lasts` are the seconds between begin and end.
    """

    def decorate(happens: Callable[[Life, float, float, random.Random], Mapping[str, str]]) -> Kind:
        @functools.wraps(happens)
        def made(life: Life, at: float, chance: random.Random) -> Fault:
            end = at + lasts
            labels = happens(life, at, end, chance)
            return Fault(
                what=what, begin=at, end=end, alert=alert, labels=labels, within=within, beside=beside, before=before
            )

        return made

    return decorate
