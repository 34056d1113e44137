"""The stand-in API server as a process. Prints its URL, then executes the commands `restart SECONDS` and `forget`.

Commands are lines of standard input; `done` is printed after each. The process exits when standard input is closed.
"""

import asyncio
import logging
import sys

from lab.apiserver import StandInApiServer


async def main() -> None:
    """Serves until standard input is closed."""
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # it logs each reset connection
    server = StandInApiServer()
    print(await server.start(), flush=True)
    port = int(server.url.rpartition(":")[2])
    while words := (await asyncio.to_thread(sys.stdin.readline)).split():
        if words[0] == "forget":
            server.compact()
        else:
            await server.stop()
            await asyncio.sleep(float(words[1]))
            await server.start(port=port)
        print("done", flush=True)
    await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
