"""The hostile clients of `hostile.py`, in a process of their own: `attacks.py NAME PORT`, until its input ends.

Who is thrown out comes again a second later. At the end it prints how many answers of each kind it has got.
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
    """One connection at a time. `seen` counts the status of each answer, and `dropped`."""

    def __init__(self, port: int, seen: collections.Counter[str]) -> None:
        self._port = port
        self.seen = seen

    async def gzip(self) -> None:
        """Scrapes as fast as it can."""
        await self._scrape(_GET.format("gzip"))

    async def identity(self) -> None:
        """The same, with pages twenty times as large."""
        await self._scrape(_GET.format("identity"))

    async def good(self) -> None:
        """Scrapes once a second, as a Prometheus that is in a hurry."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while True:
                await self._answer(reader, writer, _GET.format("gzip"))
                await asyncio.sleep(_SECOND)
        finally:
            writer.transport.abort()

    async def slow(self) -> None:
        """Asks for a large page and takes a byte of it each second."""
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
        """Connects and says nothing."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await reader.read(1)
        finally:
            writer.transport.abort()

    async def slowloris(self) -> None:
        """A byte of a header each second, for ever."""
        _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ")
            while not writer.transport.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(_SECOND)
        finally:
            writer.transport.abort()

    async def for_ever(self, attack: Callable[[], Awaitable[None]]) -> None:
        """The attack again and again."""
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
    """Attacks until standard input ends."""
    seen: collections.Counter[str] = collections.Counter()
    crowd = [Client(port, seen) for _ in range(clients)]
    tasks = [asyncio.create_task(one.for_ever(ATTACKS[name].__get__(one))) for one in crowd]
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(seen))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
