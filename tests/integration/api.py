"""A minimal client for an API server under test: requests, and the decoded lines of watches."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import aiohttp

__all__ = ["ApiUnderTest", "Response", "WatchLines"]

MERGE_PATCH = "application/merge-patch+json"


class Response(NamedTuple):
    """The status code, and the body: decoded if it is JSON, else text."""

    code: int
    body: Any


class WatchLines:
    """The decoded events of an open watch."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._lines = self._decoded(response)

    async def next(self) -> dict[str, Any]:
        """The next event. Raises StopAsyncIteration if the stream has ended."""
        return await anext(self._lines)

    async def until(self, kind: str) -> list[dict[str, Any]]:
        """All events up to and including the first of this type."""
        lines = [await self.next()]
        while lines[-1]["type"] != kind:
            lines.append(await self.next())
        return lines

    async def rest(self) -> list[dict[str, Any]]:
        """All events until the end of the stream."""
        return [line async for line in self._lines]

    async def _decoded(self, response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
        async for line in response.content:
            yield json.loads(line)


class ApiUnderTest:
    """One API server. `namespace` belongs to the running test.

    After `await compact()` a request with an earlier resource version gets a 410.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        token: str,
        namespace: str,
        compact: Callable[[], Awaitable[None]],
    ) -> None:
        self.namespace = namespace
        self.compact = compact
        self.config_maps = f"/api/v1/namespaces/{namespace}/configmaps"
        self._session = session
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    async def request(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str
    ) -> Response:
        """Sends one request. `body` is JSON unless it is bytes. `token` replaces the valid token."""
        credentials = self._headers if token is None else {"Authorization": f"Bearer {token}"}
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **credentials, **headers}
        async with self._session.request(method, self._url + path, data=data, headers=sent) as response:
            is_json = response.content_type == "application/json"
            return Response(response.status, await (response.json() if is_json else response.text()))

    async def get(self, path: str) -> Any:
        """The body of a GET. The response must be 200."""
        return self._expect(await self.request("GET", path), 200)

    async def create(self, path: str, body: dict[str, Any]) -> Any:
        """The created object."""
        return self._expect(await self.request("POST", path, body), 201)

    async def patch(self, path: str, body: dict[str, Any]) -> Any:
        """The object after a merge patch."""
        return self._expect(await self.request("PATCH", path, body, **{"Content-Type": MERGE_PATCH}), 200)

    async def delete(self, path: str) -> Any:
        """The body of a DELETE. The response must be 200."""
        return self._expect(await self.request("DELETE", path), 200)

    @contextlib.asynccontextmanager
    async def watch(self, path: str, query: str = "") -> AsyncIterator[WatchLines]:
        """An open watch. The response must be 200. Without timeoutSeconds in `query` the watch ends after 10 s."""
        timeout = "" if "timeoutSeconds" in query else "&timeoutSeconds=10"
        url = f"{self._url}{path}?watch=true{timeout}&{query}"
        async with self._session.get(url, headers=self._headers) as response:
            assert response.status == 200, await response.text()
            try:
                yield WatchLines(response)
            finally:
                transport = response.connection and response.connection.transport
                if transport:
                    transport.abort()  # closing TLS in order takes longer than the event loop of the test

    async def until_code(self, path: str, code: int) -> None:
        """Waits until a GET has this status code: a real server needs some time for a new resource."""
        while (await self.request("GET", path)).code != code:
            await asyncio.sleep(0.02)

    @staticmethod
    def _expect(answer: Response, code: int) -> Any:
        assert answer.code == code, answer.body
        return answer.body
