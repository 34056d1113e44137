"""The Kubernetes client of the simulated platform, for the stand-in API server and for a real one."""

import json
import ssl as tls
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp

__all__ = ["Writer", "WriterError"]

_MERGE = {"Content-Type": "application/merge-patch+json"}
_MAX_TEXT = 200
_TIMEOUT = aiohttp.ClientTimeout(total=20)


class WriterError(Exception):
    """The API server rejected a request. The text has its method, path, status and message."""

    def __init__(self, text: str, *, status: int) -> None:
        super().__init__(text)
        self.status = status


class Writer:
    """Reads and writes objects as parsed JSON. An async context manager.

    `base_url` is the address of the server, such as "https://127.0.0.1:6443". A real server requires `ssl` and
    `headers` (a bearer token). Every method raises WriterError for an unsuccessful response, and aiohttp.ClientError
    or TimeoutError if there is no response.
    """

    def __init__(
        self, *, base_url: str, ssl: tls.SSLContext | bool = True, headers: Mapping[str, str] | None = None
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._ssl = ssl
        self._headers = dict(headers or {})

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=_TIMEOUT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def items(self, path: str) -> list[dict[str, Any]]:
        """The objects of a list."""
        answer = await self._send("GET", path)
        items: list[dict[str, Any]] = answer["items"]
        return items

    async def read(self, path: str) -> dict[str, Any] | None:
        """An object, or None if it does not exist."""
        try:
            return await self._send("GET", path)
        except WriterError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def create(self, path: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Creates an object and returns it. `path` is that of its list."""
        return await self._send("POST", path, json=manifest)

    async def ensure(self, path: str, manifest: Mapping[str, Any]) -> None:
        """Creates the object unless an object with this name exists."""
        try:
            await self.create(path, manifest)
        except WriterError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise

    async def patch(self, path: str, change: Mapping[str, Any]) -> dict[str, Any]:
        """Applies a merge patch (RFC 7396) and returns the object. With `/status`, only the status is changed."""
        return await self._send("PATCH", path, json=change, headers=_MERGE)

    async def delete(self, path: str) -> None:
        """Deletes an object, if it exists, with background propagation."""
        try:
            await self._send("DELETE", path, params={"propagationPolicy": "Background"})
        except WriterError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    async def _send(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        url = self._base_url + path
        async with self._session.request(method, url, ssl=self._ssl, **arguments) as response:
            text = await response.text()
            if not response.ok:
                raise WriterError(f"{method} {path}: {response.status} {_reason(text)}", status=response.status)
            body: dict[str, Any] = json.loads(text)
            return body


def _reason(text: str) -> str:
    """The message of a Status object; for other bodies, the first 200 characters."""
    try:
        message: str = json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        return text[:_MAX_TEXT].strip()
    return message
