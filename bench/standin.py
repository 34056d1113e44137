"""Runs the stand-in API server as a process. Prints its URL when it has all objects."""

import asyncio
import sys

from lab.apiserver import StandInApiServer
from lab.workload import NAMESPACE, coderun, crd, job, pod


async def main(objects: int, worker: str) -> None:
    """Serves until the process is ended."""
    server = StandInApiServer()
    server.load([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, crd()])
    server.load(coderun(index) for index in range(objects))
    server.load((pod if worker == "Pod" else job)(index) for index in range(objects))
    print(await server.start(), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
