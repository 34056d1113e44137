"""The API at `/api/v1/runs`: explanations of runs as JSON. Pages are limited in items and bytes."""

import asyncio
import base64
import binascii
import heapq
import time
from typing import Final

import msgspec
from aiohttp import web

from exporter.cache import Job, ObjectCache, Run
from exporter.diagnosis.explaining import explanation_of, is_listed, is_over
from exporter.diagnosis.recent_failures import failed_recently
from exporter.diagnosis.recorder import FlightRecorder
from exporter.diagnosis.target import Target, found_in
from exporter.untrusted import printable
from exporter.web.health import Health
from exporter.web.page import HEADERS

__all__ = ["RunsApi"]

_DEFAULT_ITEMS: Final = 100
_MAX_ITEMS: Final = 500
_PAGE_BYTES: Final = 4 << 20
_SLICE: Final = 500  # objects to look at before yielding to the event loop
_SLICE_SECONDS: Final = 0.005
_STATES: Final = ("open", "recent", "all")
_MAX_KEY_LENGTH: Final = 600  # a namespace, a name, a UID
_MAX_LISTED: Final = 5

_Key = tuple[str, str, str]


class RunsApi:
    """Reads the cache. Yields to the event loop, so that scrapes and probes are served meanwhile."""

    def __init__(self, *, cache: ObjectCache, health: Health, recorder: FlightRecorder) -> None:
        self._cache = cache
        self._health = health
        self._recorder = recorder

    async def page(self, request: web.Request) -> web.StreamResponse:
        """GET /api/v1/runs, with `state`, `limit` and `continue`."""
        query = request.query
        state, number = query.get("state", "open"), _number(query.get("limit", str(_DEFAULT_ITEMS)))
        after = _key_of(query.get("continue", ""))
        if state not in _STATES:
            return _error(400, f"state must be one of {', '.join(_STATES)}")
        if number is None:
            return _error(400, f"limit must be a number from 1 to {_MAX_ITEMS}")
        if after is None:
            return _error(400, "continue must be the token of the previous page")
        keys = await self._keys(after, number, state)
        items, last = await self._page(keys[:number])
        token = "" if last is None or last == keys[-1] else _token(last)
        return _json({"apiVersion": "v1", "items": items, "continue": token, "notes": self._notes()})

    async def one(self, request: web.Request) -> web.StreamResponse:
        """GET /api/v1/runs/NAMESPACE/NAME; NAMESPACE/ may be omitted if the name is unique."""
        target = Target.parse(request.match_info["target"])
        found = found_in(self._cache, target)
        if not found and (recorded := self._recorder.find(target)):
            return _json(recorded[0])
        if not found:
            if not self._health.is_ready():
                return _error(503, "The initial lists have not completed, try again later.")
            since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._recorder.started))
            text = f"runs that ended or were deleted are kept for 24 h, and not from before the start at {since}"
            return _error(404, f"{target.text}: no run, Job or Pod of this name; {text}")
        if len(found) > 1:
            names = ", ".join(f"{one.namespace}/{one.name}" for one in found[:_MAX_LISTED])
            return _error(409, f"{target.text}: several have this name: {names}")
        explanation = self._recorder.completed(explanation_of(found[0], self._cache))
        return _json(msgspec.structs.replace(explanation, notes=(*explanation.notes, *self._notes())))

    def _notes(self) -> list[str]:
        """A line for each resource that cannot be watched: the response may be outdated or incomplete."""
        return [
            f"{status.resource} ({status.scope}) is {status.state}: {status.detail}".removesuffix(": ")
            for status in self._health.statuses
            if status.state != "watching"
        ][:_MAX_LISTED]

    async def _keys(self, after: _Key, number: int, state: str) -> list[_Key]:
        """The first `number` + 1 keys after the key `after`, sorted."""
        found: list[_Key] = []
        until = time.monotonic() + _SLICE_SECONDS
        for count, item in enumerate([*self._cache.runs, *self._cache.jobs]):
            if not count % _SLICE or time.monotonic() > until:
                await asyncio.sleep(0)
                until = time.monotonic() + _SLICE_SECONDS
            key = (item.namespace, item.name, item.uid)
            if key > after and is_listed(item, self._cache) and self._is_in(item, state):
                found.append(key)
        return heapq.nsmallest(number + 1, found)

    def _is_in(self, item: Run | Job, state: str) -> bool:
        if state == "all" or not is_over(item, self._cache):
            return True
        return state == "recent" and failed_recently(item, self._cache)

    async def _page(self, keys: list[_Key]) -> tuple[list[msgspec.Raw], _Key | None]:
        """The encoded items, and the key of the last one."""
        items: list[msgspec.Raw] = []
        size, last, until = 0, None, time.monotonic() + _SLICE_SECONDS
        for key in keys:
            if time.monotonic() > until:
                await asyncio.sleep(0)
                until = time.monotonic() + _SLICE_SECONDS
            if (item := self._cache.runs.get(key[2]) or self._cache.jobs.get(key[2])) is not None:
                encoded = msgspec.json.encode(explanation_of(item, self._cache))
                size += len(encoded)
                items.append(msgspec.Raw(encoded))
            last = key
            if size > _PAGE_BYTES:
                break
        return items, last


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(_MAX_ITEMS))
    return number if is_number and 1 <= (number := int(text)) <= _MAX_ITEMS else None


def _token(key: _Key) -> str:
    return base64.urlsafe_b64encode("\n".join(key).encode()).decode()


def _key_of(token: str) -> _Key | None:
    """The key in a token; None if it is invalid."""
    if not token:
        return ("", "", "")
    try:
        parts = (
            base64.b64decode(token[: 2 * _MAX_KEY_LENGTH].encode(), altchars=b"-_", validate=True)
            .decode()
            .split("\n")
        )
    except (binascii.Error, ValueError):
        return None
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None  # noqa: PLR2004 - the fields of a key


def _json(document: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(document), content_type="application/json", headers=HEADERS)


def _error(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{printable(text[:1000])}\n", headers=HEADERS)
