"""A cache of decisions about credentials, with limited size. Rejected credentials do not evict accepted ones."""

import dataclasses
import hmac
import secrets
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Decisions"]

_MAX_DECISIONS = 256  # accepted decisions, and as many rejected ones

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _CachedDecision:
    fresh_until: float
    stale_until: float


class Decisions:
    """Stores decisions by a keyed digest of the credential. `clock` is monotonic; all times are in seconds.

    An accepted decision is fresh for `fresh_seconds`, then stale until `stale_seconds`: a stale decision is used
    only if no new decision is possible. A rejected decision expires after `rejected_seconds`.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        fresh_seconds: float,
        stale_seconds: float,
        rejected_seconds: float,
    ) -> None:
        self._clock = clock
        self._fresh_seconds = fresh_seconds
        self._stale_seconds = stale_seconds
        self._rejected_seconds = rejected_seconds
        self._secret = secrets.token_bytes(32)
        self._accepted: dict[bytes, _CachedDecision] = {}
        self._rejected: dict[bytes, float] = {}

    def key(self, *parts: bytes) -> bytes:
        """The key of a credential and the other inputs of the decision."""
        text = b"".join(b"%d:%b" % (len(part), part) for part in parts)
        return hmac.digest(self._secret, text, "sha256")

    def fresh(self, key: bytes) -> bool | None:
        """The decision; None if there is none or it is stale."""
        accepted, now = self._accepted.get(key), self._clock()
        if accepted is not None and now < accepted.fresh_until:
            return True
        return False if now < self._rejected.get(key, now) else None

    def is_stale(self, key: bytes) -> bool:
        """Whether there is an accepted decision that has not expired."""
        accepted = self._accepted.get(key)
        return accepted is not None and self._clock() < accepted.stale_until

    def accept(self, key: bytes) -> None:
        """Stores an accepted decision."""
        now = self._clock()
        self._rejected.pop(key, None)
        decision = _CachedDecision(fresh_until=now + self._fresh_seconds, stale_until=now + self._stale_seconds)
        _put(self._accepted, key, decision)

    def reject(self, key: bytes) -> None:
        """Stores a rejected decision."""
        self._accepted.pop(key, None)
        _put(self._rejected, key, self._clock() + self._rejected_seconds)

    def extend(self, key: bytes, *, seconds: float) -> None:
        """Makes a stale decision fresh for this time, after no new decision was possible."""
        if (old := self._accepted.get(key)) is not None:
            fresh_until = min(self._clock() + seconds, old.stale_until)
            self._accepted[key] = dataclasses.replace(old, fresh_until=fresh_until)


def _put(cache: dict[bytes, T], key: bytes, value: T) -> None:
    cache.pop(key, None)
    while len(cache) >= _MAX_DECISIONS:
        del cache[next(iter(cache))]
    cache[key] = value
