"""A TLS server and an HTTP proxy on loopback."""

import asyncio
import contextlib
import ssl

import aiohttp
from aiohttp import web

REQUESTED_NAMES = web.AppKey("requested_names", list)


async def _whoami(request):
    peer = request.transport.get_extra_info("peercert") or {}
    names = {key: value for part in peer.get("subject", ()) for key, value in part}
    return web.json_response(
        {
            "certificate": names.get("commonName"),
            "authorization": request.headers.get("Authorization"),
            "requested_name": request.app[REQUESTED_NAMES][-1] if request.app[REQUESTED_NAMES] else None,
        }
    )


@contextlib.asynccontextmanager
async def api_server(leaf=None, *, trusts=None):
    """Starts a server with the certificate `leaf` (None: plain http) and yields its port.

    It requires client certificates of the CA `trusts`, unless that is None.
    """
    app = web.Application()
    app[REQUESTED_NAMES] = []  # server names that clients requested (SNI)
    app.router.add_get("/whoami", _whoami)
    context = None
    if leaf is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = lambda _socket, name, _context: app[REQUESTED_NAMES].append(name)
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
    """Starts a proxy that connects every CONNECT to 127.0.0.1:`port`. Yields its port and the request heads."""
    heads, open_tasks = [], set()

    async def serve(reader, writer):
        open_tasks.add(asyncio.current_task())
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pipe(reader, upstream_writer), _pipe(upstream_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heads
    finally:
        server.close()
        await asyncio.wait(open_tasks, timeout=1)


async def whoami(credentials):
    """The server's view of a request that is made with these credentials."""
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
