"""Runs hostile clients until standard input is closed: `python -m bench.attacks ATTACK PORT CLIENTS`.

`hostile.py` starts this process. A rejected client connects again after a second. At the end, prints the number of
responses by status as JSON.
"""

import asyncio
import collections
import json
import socket
import sys
from collections.abc import Awaitable, Callable

_GET = "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {}\r\n\r\n"
_SECOND = 1.0


class Client:
    """A client with one connection at a time. `seen` has the number of responses by status.

    Its other keys count connections that the server closed (`dropped`), incomplete responses (`cut`), and connections
    without a response (`none`).
    """

    def __init__(self, port: int, seen: collections.Counter[str]) -> None:
        self._port = port
        self.seen = seen

    async def gzip(self) -> None:
        """Scrapes with gzip."""
        await self._scrape(_GET.format("gzip"))

    async def identity(self) -> None:
        """Scrapes without compression: the response is twenty times as large."""
        await self._scrape(_GET.format("identity"))

    async def good(self) -> None:
        """Scrapes once a second, like a Prometheus with a short scrape interval."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while True:
                await self._answer(reader, writer, _GET.format("gzip"))
                await asyncio.sleep(_SECOND)
        finally:
            writer.transport.abort()

    async def slow(self) -> None:
        """Scrapes without compression, and reads one byte of the response each second."""
        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            await loop.sock_connect(sock, ("127.0.0.1", self._port))
            await loop.sock_sendall(sock, _GET.format("identity").encode())
            head = await loop.sock_recv(sock, 12)
            self.seen[head[9:].decode() or "none"] += 1
            while head.endswith(b"200"):
                await asyncio.sleep(_SECOND)
                if not await loop.sock_recv(sock, 1):
                    break

    async def silent(self) -> None:
        """Connects and sends nothing."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await reader.read(1)
        finally:
            writer.transport.abort()

    async def slowloris(self) -> None:
        """Sends one byte of a header each second, without end."""
        _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ")
            while not writer.transport.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(_SECOND)
        finally:
            writer.transport.abort()

    async def repeat(self, attack: Callable[[], Awaitable[None]]) -> None:
        """Repeats the attack, with a second between two."""
        while True:
            try:
                await attack()
            except OSError:
                self.seen["dropped"] += 1
            await asyncio.sleep(_SECOND)

    async def _scrape(self, request: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await self._answer(reader, writer, request)
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: str) -> None:
        writer.write(request.encode())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            left = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            while left and (data := await reader.read(min(left, 1 << 20))):
                left -= len(data)
        except asyncio.IncompleteReadError:
            raise ConnectionResetError from None
        self.seen["cut" if left else head[9:12].decode()] += 1


ATTACKS = {
    "good": Client.good,
    "gzip": Client.gzip,
    "identity": Client.identity,
    "slow": Client.slow,
    "silent": Client.silent,
    "slowloris": Client.slowloris,
}


async def main(name: str, port: int, clients: int) -> None:
    """Attacks until standard input is closed."""
    seen: collections.Counter[str] = collections.Counter()
    crowd = [Client(port, seen) for _ in range(clients)]
    tasks = [asyncio.create_task(one.repeat(ATTACKS[name].__get__(one))) for one in crowd]
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(seen))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
