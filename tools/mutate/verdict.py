"""Checks that enough mutants were killed, and that the list of accepted survivors is up to date."""

import collections
import pathlib
import zlib
from collections.abc import Sequence

import msgspec
import yaml

__all__ = [
    "Accepted",
    "Key",
    "Result",
    "SurvivorsError",
    "entries",
    "faults",
    "load_accepted",
    "sampled",
    "share_killed",
    "unlisted",
]

Key = tuple[str, str, str]
"""The identity of a mutant: its rule, the place and the change."""

MIN_SHARE = 0.95
"""The minimum share of killed mutants."""
_MAX_WIDTH = 10_000  # characters of a line: an entry is one line for each key


class SurvivorsError(Exception):
    """The list of survivors cannot be read; the text names the file."""


class Known(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields that identify a mutant."""

    rule: str
    place: str
    change: str

    @property
    def key(self) -> tuple[str, str, str]:
        """The identity, which is equal for the result of a mutant and its entry in the list."""
        return self.rule, self.place, self.change


class Accepted(Known, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mutant that may survive, with the reason why no unit test can kill it."""

    reason: str


class Result(Known, frozen=True, kw_only=True):
    """The result of a mutant."""

    killed: bool


def load_accepted(file: pathlib.Path) -> tuple[Accepted, ...]:
    """Loads the list. Raises SurvivorsError."""
    try:
        return msgspec.yaml.decode(file.read_bytes(), type=tuple[Accepted, ...])
    except (OSError, msgspec.MsgspecError) as error:
        raise SurvivorsError(f"{file}: {error}") from error


def sampled(key: Key, *, every: int) -> bool:
    """Whether the mutant is in the sample of one in `every`. The sample is the same in each run."""
    return zlib.crc32(" | ".join(key).encode()) % every == 0


def share_killed(results: Sequence[Result]) -> float:
    """The share of killed mutants, from 0 to 1; 1 if there are no mutants."""
    return sum(result.killed for result in results) / len(results) if results else 1.0


def unlisted(results: Sequence[Result], accepted: Sequence[Accepted]) -> list[Result]:
    """The mutants that survived and are not in the list."""
    listed = {entry.key for entry in accepted}
    return [result for result in results if not result.killed and result.key not in listed]


def entries(survivors: Sequence[Result]) -> str:
    """The survivors as YAML for the list, with an empty reason, which `faults` reports; empty without survivors."""
    made = [{"rule": one.rule, "place": one.place, "change": one.change, "reason": ""} for one in survivors]
    return "\n".join(yaml.safe_dump([one], sort_keys=False, allow_unicode=True, width=_MAX_WIDTH) for one in made)


def faults(results: Sequence[Result], accepted: Sequence[Accepted]) -> tuple[str, ...]:
    """A line for each reason to fail; empty if there is none.

    results: the results of all mutants of the rules in `accepted`.
    """
    killed = {result.key: result.killed for result in results}
    listed = collections.Counter(entry.key for entry in accepted)
    lines = [
        f"not listed: {_words(result)} survived: test it, or list it with the reason why no test can tell it"
        for result in unlisted(results, accepted)
    ]
    for entry in accepted:
        if entry.key not in killed:
            lines.append(f"stale: {_words(entry)} is no mutant any more: strike it from the list")
        elif killed[entry.key]:
            lines.append(f"stale: {_words(entry)} is killed: strike it from the list")
    lines += [f"listed {count} times: {' | '.join(key)}" for key, count in listed.items() if count > 1]
    lines += [f"no reason: {_words(entry)}" for entry in accepted if not entry.reason.strip()]
    share = share_killed(results)
    if share < MIN_SHARE:
        lines.append(f"too few: {share:.1%} of the mutants were killed, and {MIN_SHARE:.0%} are asked for")
    return tuple(lines)


def _words(item: Accepted | Result) -> str:
    return " | ".join(item.key)
