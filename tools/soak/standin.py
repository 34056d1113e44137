"""The stand-in API server; prints its URL, and then does what its input says: `restart SECONDS` or `forget`.

It answers each line when it has done so, and ends with its input.
"""

import asyncio
import logging
import sys

from lab.apiserver import StandInApiServer


async def main() -> None:
    """Serves until its input ends."""
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # each connection that is cut would be told
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
