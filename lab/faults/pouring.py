"""Forwards the body of a response: in chunks, slowly, or in part."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web

from lab.faults.fault import Fault

__all__ = ["PAUSE_SECONDS", "pour", "reset"]

PAUSE_SECONDS = 0.02
_HEARTBEAT_SECONDS = 1.0


async def pour(
    upstream: aiohttp.ClientResponse,
    answer: web.StreamResponse,
    *,
    request: web.Request,
    fault: Fault,
    silence: Callable[[], Awaitable[None]],
) -> None:
    """Forwards the response of the server with the fault applied. In a quiet watch, sends an empty line each second.

    `silence` returns when data may be sent.
    """
    passed, last, rest = 0, b"\n", b""
    while not upstream.content.at_eof():
        piece = await _read_for_a_second(upstream)
        await silence()
        if fault.drops:
            *lines, rest = (rest + piece).split(b"\n")
            piece = b"".join(line + b"\n" for line in lines if fault.drops not in line)
        if not piece:
            if fault.beats and "watch" in request.query and last == b"\n":  # not in the middle of an event
                await answer.write(b"\n")
            continue
        if fault.then != "pass" and passed + len(piece) >= fault.after:
            await answer.write(piece[: fault.after - passed])
            await _finish(request, fault)
            return
        passed, last = passed + len(piece), piece[-1:]
        await _write(answer, piece, rate=fault.rate)


def reset(request: web.Request) -> None:
    """Resets the connection (RST): unsent data is lost."""
    if request.transport is not None:
        request.transport.abort()


async def _read_for_a_second(upstream: aiohttp.ClientResponse) -> bytes:
    """The data that arrives within a second."""
    try:
        async with asyncio.timeout(_HEARTBEAT_SECONDS):
            return await upstream.content.readany()
    except TimeoutError:
        return b""


async def _finish(request: web.Request, fault: Fault) -> None:
    await asyncio.sleep(PAUSE_SECONDS)  # until the written data has been sent
    if fault.then == "reset":
        reset(request)
    if fault.then == "close" and request.transport is not None:
        request.transport.close()
    while fault.then == "silence" and request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(PAUSE_SECONDS)


async def _write(answer: web.StreamResponse, piece: bytes, *, rate: int | None) -> None:
    if rate is None:
        await answer.write(piece)
        return
    portion = max(1, round(rate * PAUSE_SECONDS))
    for begin in range(0, len(piece), portion):
        await answer.write(piece[begin : begin + portion])
        await asyncio.sleep(PAUSE_SECONDS)
