"""The stand-in API server in a process of its own, filled before it listens; prints its URL."""

import asyncio
import sys

from lab.apiserver import StandInApiServer
from lab.workload import NAMESPACE, coderun, crd, job, pod


async def main(objects: int, worker: str) -> None:
    """Serves until it is ended."""
    server = StandInApiServer()
    server.load([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, crd()])
    server.load(coderun(index) for index in range(objects))
    server.load((pod if worker == "Pod" else job)(index) for index in range(objects))
    print(await server.start(), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
