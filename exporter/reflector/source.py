"""What is listed and watched, and where it goes: the two ends that a reflector joins."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

__all__ = ["Bookmarked", "Decoded", "Put", "Sink", "Snapshot", "Source"]

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)


class Decoded(NamedTuple, Generic[R]):
    """An object as read: its UID, its version, and its record (None: it is not for us).

    `whole` is false where something in it was malformed.
    """

    uid: str
    version: str
    record: R | None
    is_valid: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source(Generic[R]):
    """One path that is listed and watched. `params` are its selectors.

    `defined` says that a CRD defines it: where the server serves no version of it, there are no objects of it.
    """

    path: str
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)
    decode: Callable[[msgspec.Raw], Decoded[R]]
    is_custom_resource: bool = False
    reuse_if_equal: Callable[[R], R] = lambda record: record
    """Gives the equal record that is already kept, so that a list of what is known costs no second copy."""


class Snapshot(NamedTuple, Generic[R]):
    """Everything that there is, as of a version. `watched`: by a watch, which goes on."""

    records: dict[str, R]
    version: str
    watched: bool = False


class Put(NamedTuple, Generic[R]):
    """One object is now this; None: it is gone, or no longer for us. `added`: the server says that it is new."""

    uid: str
    record: R | None
    version: str
    added: bool = False


class Bookmarked(NamedTuple):
    """Nothing happened up to this version."""

    version: str


class Sink(Protocol[R_contra]):
    """Where the records of one source go."""

    async def replace(self, records: dict[str, Any]) -> None:
        """A whole new state: a scrape sees what was there before it or after it, never half of it."""

    def put(self, uid: str, record: R_contra | None) -> None:
        """One object changed; None: it is gone."""

    def entered(self, state: str) -> None:
        """The source is in this state (telemetry.STATES) now, or still; `watching`: what was put is up to date."""
