"""Writes to connections in batches, because one write for each object is slow."""

import asyncio
from collections.abc import Iterable, Iterator

from aiohttp import web

__all__ = ["BATCH", "batches", "json_bytes", "open_stream", "send"]

BATCH = 128 * 1024  # bytes


def batches(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The joined parts, in chunks of at least BATCH bytes (the last one may be smaller)."""
    gathered: list[bytes] = []
    size = 0
    for part in parts:
        gathered.append(part)
        size += len(part)
        if size >= BATCH:
            yield b"".join(gathered)
            gathered.clear()
            size = 0
    if gathered:
        yield b"".join(gathered)


def json_bytes(body: bytes, *, code: int = 200) -> web.Response:
    """A JSON response from encoded bytes."""
    return web.Response(status=code, body=body, content_type="application/json")


async def open_stream(request: web.Request) -> web.StreamResponse:
    """The start of a JSON response of unknown length."""
    response = web.StreamResponse()
    response.content_type = "application/json"
    response.enable_chunked_encoding()
    await response.prepare(request)
    return response


async def send(response: web.StreamResponse, parts: Iterable[bytes]) -> None:
    """Writes the parts in batches, as fast as the client reads, and yields to other tasks in between."""
    for batch in batches(parts):
        await response.write(batch)
        await asyncio.sleep(0)
