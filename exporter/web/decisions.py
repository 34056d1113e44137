"""Remembered decisions about credentials, in bounded memory: strangers cannot push out who was accepted."""

import dataclasses
import hmac
import secrets
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Decisions"]

_MOST = 256  # accepted; as many rejected

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Times:
    fresh_until: float
    stale_until: float


class Decisions:
    """By keyed digests, so that no credential is kept. `clock` is monotonic; all times are seconds.

    An acceptance is fresh for `fresh_seconds`, and stale until `stale_seconds`: then it holds only while nobody can
    decide anew. A rejection holds for `rejected_seconds`.
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
        self._accepted: dict[bytes, _Times] = {}
        self._rejected: dict[bytes, float] = {}

    def key(self, *parts: bytes) -> bytes:
        """Of a credential and what else the decision depends on."""
        text = b"".join(b"%d:%b" % (len(part), part) for part in parts)
        return hmac.digest(self._secret, text, "sha256")

    def fresh(self, key: bytes) -> bool | None:
        """The decision; None where there is none, or a stale one."""
        accepted, now = self._accepted.get(key), self._clock()
        if accepted is not None and now < accepted.fresh_until:
            return True
        return False if now < self._rejected.get(key, now) else None

    def is_stale(self, key: bytes) -> bool:
        """Whether it was accepted before, and not so long ago that it no longer holds."""
        accepted = self._accepted.get(key)
        return accepted is not None and self._clock() < accepted.stale_until

    def accept(self, key: bytes) -> None:
        """A new decision."""
        now = self._clock()
        self._rejected.pop(key, None)
        times = _Times(fresh_until=now + self._fresh_seconds, stale_until=now + self._stale_seconds)
        _put(self._accepted, key, times)

    def reject(self, key: bytes) -> None:
        """A new decision."""
        self._accepted.pop(key, None)
        _put(self._rejected, key, self._clock() + self._rejected_seconds)

    def extend(self, key: bytes, *, seconds: float) -> None:
        """A stale acceptance counts as fresh for so long: nobody could decide anew."""
        if (old := self._accepted.get(key)) is not None:
            times = min(self._clock() + seconds, old.stale_until)
            self._accepted[key] = dataclasses.replace(old, fresh_until=times)


def _put(kept: dict[bytes, T], key: bytes, value: T) -> None:
    kept.pop(key, None)
    while len(kept) >= _MOST:
        del kept[next(iter(kept))]
    kept[key] = value
