"""Bearer tokens of the cluster: the API server says whose one is, and whether he may read this path.

As kube-rbac-proxy does it, by TokenReview and SubjectAccessReview:
https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/
"""

import asyncio
import dataclasses
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from exporter.kube.errors import KubeError
from exporter.web.gate import Gate

__all__ = ["Reviews", "UnknownError"]

_log = logging.getLogger(__name__)

_FRESH_SECONDS = 60.0
_KEPT_SECONDS = 3600.0  # while the API server does not answer: that is when a scrape is worth most
_RETRY_SECONDS = 10.0
_ASK_SECONDS = 5.0  # Prometheus waits for ten
_MOST = 256
_TOKENS = "/apis/authentication.k8s.io/v1/tokenreviews"
_ACCESS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class UnknownError(Exception):
    """The API server does not say."""


class _User(msgspec.Struct):
    username: str = ""
    uid: str = ""
    groups: list[str] = []
    extra: dict[str, list[str]] = {}


class _Status(msgspec.Struct):
    authenticated: bool = False
    user: _User = msgspec.field(default_factory=_User)
    allowed: bool = False
    denied: bool = False


class _Review(msgspec.Struct):
    status: _Status


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Yes:
    """Until when it is not asked again, and until when it holds where there is no answer."""

    fresh: float
    kept: float


class Reviews:
    """Remembers who may, for a minute; who may not is asked for each time, so guesses push nobody out.

    `post` sends JSON to a path of the API server and gives the answer's; `clock` is monotonic.
    """

    def __init__(self, *, post: Callable[[str, bytes], Awaitable[bytes]], clock: Callable[[], float]) -> None:
        self._post = post
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._yes: dict[tuple[bytes, str], _Yes] = {}
        self._gate = Gate()
        self._failing = False

    async def accept(self, token: str, path: str, *, client: str) -> bool:
        """Whether the one whose token it is may `get` this path. Raises BusyError and UnknownError."""
        key = (hmac.digest(self._key, token.encode(), "sha256"), path)
        if self._is_fresh(key):
            return True
        async with self._gate.turn(client):
            return self._is_fresh(key) or await self._look(key, token)

    def _is_fresh(self, key: tuple[bytes, str]) -> bool:
        found = self._yes.get(key)
        return found is not None and self._clock() < found.fresh

    async def _look(self, key: tuple[bytes, str], token: str) -> bool:
        before, now = self._yes.pop(key, None), self._clock()
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                good = await self._ask(token, key[1])
        except (KubeError, TimeoutError, msgspec.DecodeError) as error:
            if not self._failing:
                _log.warning("tokens cannot be reviewed", extra={"detail": str(error) or "no answer in time"})
            self._failing = True
            if before is None or now >= before.kept:
                raise UnknownError from error
            self._yes[key] = dataclasses.replace(before, fresh=now + _RETRY_SECONDS)
            return True
        self._failing = False
        if good:
            while len(self._yes) >= _MOST:
                del self._yes[next(iter(self._yes))]
            self._yes[key] = _Yes(fresh=now + _FRESH_SECONDS, kept=now + _KEPT_SECONDS)
        return good

    async def _ask(self, token: str, path: str) -> bool:
        whose = await self._review(_TOKENS, "TokenReview", {"token": token})
        if not whose.authenticated:
            return False
        user = whose.user
        about = {"user": user.username, "uid": user.uid, "groups": user.groups, "extra": user.extra}
        spec = about | {"nonResourceAttributes": {"path": path, "verb": "get"}}
        may = await self._review(_ACCESS, "SubjectAccessReview", spec)
        return may.allowed and not may.denied

    async def _review(self, path: str, kind: str, spec: dict[str, Any]) -> _Status:
        version = path.removeprefix("/apis/").rpartition("/")[0]
        review = {"apiVersion": version, "kind": kind, "spec": spec}
        answer = await self._post(path, msgspec.json.encode(review))
        return msgspec.json.decode(answer, type=_Review).status
