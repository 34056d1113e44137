"""Compares the results of a world with the expected ones in table.py."""

from collections.abc import Iterator, Sequence

from lab.worlds.delivery import Delivered
from lab.worlds.outcomes import Outcome
from lab.worlds.table import Alert

__all__ = ["differences", "in_words", "of_delivery", "of_rules"]


def differences(outcome: Outcome, arrived: Sequence[Delivered]) -> list[str]:
    """A line for each difference; empty if the results are as expected."""
    return [*of_rules(outcome), *of_delivery(outcome, arrived)]


def of_rules(outcome: Outcome) -> Iterator[str]:
    """Differences in the alerts that fire, and in the metrics of the exporter."""
    yield from (f"raised, and not expected: {in_words(alert)}" for alert in sorted(outcome.unexpected))
    yield from (f"not raised at the end: {in_words(alert)}" for alert in sorted(outcome.missing))
    yield from (f"resolved and raised again: {in_words(one.alert)}" for one in outcome.raised if one.flaps)
    lines = outcome.played.page.splitlines()
    for text in outcome.world.shown:
        if not any(line.startswith(text) for line in lines):
            yield f"not on the page at the snapshot: {text}"


def of_delivery(outcome: Outcome, arrived: Sequence[Delivered]) -> Iterator[str]:
    """Differences in the delivered notifications."""
    world, got = outcome.world, {one.raised.alert for one in arrived}
    surplus = got - world.delivered - world.allowed
    yield from (f"delivered, and not expected: {in_words(alert)}" for alert in sorted(surplus))
    yield from (f"not delivered: {in_words(alert)}" for alert in sorted(world.delivered - got))
    for text in world.said:
        if not any(text in one.text for one in arrived):
            yield f"not in any delivered notification: {text}"


def in_words(alert: Alert) -> str:
    """The alert on one line."""
    return f"{alert.name} ({alert.severity}) about {alert.about}"
