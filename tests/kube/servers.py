"""A real TLS server and a real proxy on loopback."""

import asyncio
import contextlib
import ssl

import aiohttp
from aiohttp import web

ASKED_FOR = web.AppKey("asked_for", list)


async def _whoami(request):
    peer = request.transport.get_extra_info("peercert") or {}
    names = {key: value for part in peer.get("subject", ()) for key, value in part}
    return web.json_response(
        {
            "certificate": names.get("commonName"),
            "authorization": request.headers.get("Authorization"),
            "asked_for": request.app[ASKED_FOR][-1] if request.app[ASKED_FOR] else None,
        }
    )


@contextlib.asynccontextmanager
async def api_server(leaf=None, *, trusts=None):
    """Yields the port. `leaf`: its certificate (None: plain http); `trusts`: whose client certificates it demands."""
    app = web.Application()
    app[ASKED_FOR] = []  # names that clients asked for (SNI)
    app.router.add_get("/whoami", _whoami)
    context = None
    if leaf is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = lambda _socket, name, _context: app[ASKED_FOR].append(name)
        leaf.configure_cert(context)
        if trusts is not None:
            trusts.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _pipe(reader, writer):
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def connect_proxy(port):
    """A proxy that leads every CONNECT to 127.0.0.1:`port`; yields its port and the requests' heads."""
    heads, open_tasks = [], set()

    async def serve(reader, writer):
        open_tasks.add(asyncio.current_task())
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pipe(reader, back), _pipe(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heads
    finally:
        server.close()
        await asyncio.wait(open_tasks, timeout=1)


async def whoami(credentials):
    """What the server sees of a request that is made as the exporter makes it."""
    headers = await credentials.headers()
    access = credentials.access
    async with (
        aiohttp.ClientSession() as session,
        session.get(
            f"{access.server}/whoami",
            headers=headers,
            ssl=access.ssl,
            server_hostname=access.server_hostname,
            proxy=access.proxy,
        ) as response,
    ):
        return await response.json()
