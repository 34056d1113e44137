"""The types of a reflector: its input (`Source`), its changes (`Snapshot`, `Upsert`, ...) and its output (`Sink`)."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

__all__ = ["Bookmarked", "Decoded", "Delete", "Sink", "Snapshot", "Source", "Upsert"]

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)


class Decoded(NamedTuple, Generic[R]):
    """A decoded object: its UID, its resourceVersion, and its record (None: the exporter ignores the object).

    `is_valid` is false if a field was malformed.
    """

    uid: str
    version: str
    record: R | None
    is_valid: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source(Generic[R]):
    """A path to list and watch. `params` are its selectors.

    `is_custom_resource`: a CRD defines the resource. If the server serves no version of it, no objects exist.
    """

    path: str
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)
    decode: Callable[[msgspec.Raw], Decoded[R]]
    is_custom_resource: bool = False
    reuse_if_equal: Callable[[R], R] = lambda record: record
    """Returns the equal record of the cache if there is one, so that a repeated list needs no second copy."""


class Snapshot(NamedTuple, Generic[R]):
    """All records by UID, at a resourceVersion. `watched`: they are from a streamed list, whose watch continues."""

    records: dict[str, R]
    version: str
    watched: bool = False


class Upsert(NamedTuple, Generic[R]):
    """An object was added or modified."""

    uid: str
    record: R
    version: str


class Delete(NamedTuple):
    """An object was deleted, or the exporter ignores it. `still_exists`: the event was ADDED, so it is ignored."""

    uid: str
    version: str
    still_exists: bool = False


class Bookmarked(NamedTuple):
    """A BOOKMARK event: all changes up to this resourceVersion have been sent."""

    version: str


class Sink(Protocol[R_contra]):
    """Stores the records of one source."""

    async def replace(self, records: dict[str, Any]) -> None:
        """Replaces all records. A scrape sees either the old or the new ones, never a mix."""

    def upsert(self, uid: str, record: R_contra) -> None:
        """Adds or updates a record."""

    def delete(self, uid: str) -> None:
        """Deletes a record, if it exists."""

    def set_state(self, state: str) -> None:
        """Sets the state of the source (telemetry.STATES). In `watching`, the records are up to date."""
