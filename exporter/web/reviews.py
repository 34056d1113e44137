"""Verifies Kubernetes bearer tokens, and whether the account is authorized to get the path.

Uses TokenReview and SubjectAccessReview, as kube-rbac-proxy does:
https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from exporter.kube.errors import KubeError
from exporter.web.decisions import Decisions
from exporter.web.gate import Gate

__all__ = ["ReviewUnavailableError", "Reviews"]

_log = logging.getLogger(__name__)

_FRESH_SECONDS = 60.0
_STALE_SECONDS = 3600.0  # if the API server is unavailable, which is when metrics are needed most
_REJECTED_SECONDS = 10.0
_RETRY_SECONDS = 10.0
_TURN_SECONDS = 5.0
_ANSWER_SECONDS = 8.0  # the default scrape timeout of Prometheus is 10 s
_REVIEW_SECONDS = 30.0  # a late decision is cached for the next request
_RENEW_SECONDS = 1.0
_CONCURRENCY = 4
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750
_TOKENS = "/apis/authentication.k8s.io/v1/tokenreviews"
_ACCESS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class ReviewUnavailableError(Exception):
    """The API server did not review the token."""


class _User(msgspec.Struct):
    username: str = ""
    uid: str = ""
    groups: list[str] = []
    extra: dict[str, list[str]] = {}


class _Status(msgspec.Struct):
    authenticated: bool = False
    user: _User = msgspec.field(default_factory=_User)
    audiences: list[str] = []
    allowed: bool = False
    denied: bool = False


class _Review(msgspec.Struct):
    status: _Status


class Reviews:
    """Reviews tokens and caches the decisions. Accepted tokens do not wait for unknown ones.

    `post` sends JSON to a path of the API server and returns the response; `clock` is monotonic. Tokens must be
    issued for the `audience`; "": that of the API server.
    """

    def __init__(
        self, *, post: Callable[[str, bytes], Awaitable[bytes]], clock: Callable[[], float], audience: str = ""
    ) -> None:
        self._post = post
        self._audience = audience
        self._decisions = Decisions(
            clock=clock,
            fresh_seconds=_FRESH_SECONDS,
            stale_seconds=_STALE_SECONDS,
            rejected_seconds=_REJECTED_SECONDS,
        )
        self._gate = Gate(concurrency=_CONCURRENCY, wait_seconds=_TURN_SECONDS)
        self._renewing: dict[bytes, asyncio.Task[bool]] = {}
        self._failing = False

    async def accept(self, token: str, path: str, *, queue: str) -> bool:
        """Whether the token's account is authorized to `get` this path. Raises BusyError and ReviewUnavailableError.

        `queue` is the name of the queue of `Gate` in which the request waits, such as the address of the client.
        """
        if not _TOKEN.fullmatch(token):
            return False
        key = self._decisions.key(token.encode(), path.encode())
        known = self._decisions.fresh(key)
        if known is not None:
            return known
        if self._decisions.is_stale(key):
            return await self._renew(key, token, path)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await self._gate.run(queue, lambda: self._decide(key, token, path))
        except TimeoutError as error:
            raise ReviewUnavailableError from error

    async def _renew(self, key: bytes, token: str, path: str) -> bool:
        """The new decision; after a second, the stale one, while the review continues in the background."""
        task = self._renewing.get(key)
        if task is None:
            task = self._renewing[key] = asyncio.create_task(self._decide(key, token, path))
            task.add_done_callback(lambda task: (self._renewing.pop(key), task.cancelled() or task.exception()))
        try:
            async with asyncio.timeout(_RENEW_SECONDS):
                return await asyncio.shield(task)
        except (TimeoutError, ReviewUnavailableError):
            self._decisions.extend(key, seconds=_RETRY_SECONDS)
            return True

    async def _decide(self, key: bytes, token: str, path: str) -> bool:
        if (known := self._decisions.fresh(key)) is not None and key not in self._renewing:
            return known
        try:
            async with asyncio.timeout(_REVIEW_SECONDS):
                good = await self._review_both(token, path)
        except (KubeError, TimeoutError, msgspec.DecodeError) as error:
            if not self._failing:
                _log.warning("Failed to review tokens", extra={"detail": str(error) or "no response in time"})
            self._failing = True
            raise ReviewUnavailableError from error
        self._failing = False
        (self._decisions.accept if good else self._decisions.reject)(key)
        return good

    async def _review_both(self, token: str, path: str) -> bool:
        audiences = [self._audience] if self._audience else []
        identity = await self._review(_TOKENS, "TokenReview", {"token": token, "audiences": audiences})
        if not identity.authenticated or (audiences and self._audience not in identity.audiences):
            return False
        user = identity.user
        subject = {"user": user.username, "uid": user.uid, "groups": user.groups, "extra": user.extra}
        spec = subject | {"nonResourceAttributes": {"path": path, "verb": "get"}}
        access = await self._review(_ACCESS, "SubjectAccessReview", spec)
        return access.allowed and not access.denied

    async def _review(self, path: str, kind: str, spec: dict[str, Any]) -> _Status:
        version = path.removeprefix("/apis/").rpartition("/")[0]
        review = {"apiVersion": version, "kind": kind, "spec": spec}
        answer = await self._post(path, msgspec.json.encode(review))
        return msgspec.json.decode(answer, type=_Review).status
