"""Load on an agent platform: creates, updates and deletes runs and their Jobs at a constant rate.

The number of objects is constant. After `turnover` seconds, all initial objects have been replaced.
"""

import asyncio
import collections
import json
import random
import time
from collections.abc import Iterator
from typing import Any, Self

import aiohttp

from lab.workload import NAMESPACE, crd
from tools.soak.life import WRITES, Life, Stage, name_of
from tools.soak.servers import Server

__all__ = ["CONFIGMAP", "WRITERS", "Platform", "PlatformError", "lives_for", "turnover"]

CONFIGMAP = "controller-agent-templates-claude"
WRITERS = 32

_RUNS = f"/apis/agents.platform/v1/namespaces/{NAMESPACE}/coderuns"
_JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
_CONFIGMAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
_RETRY_SECONDS = 120.0
_ESTABLISH_SECONDS = 2.0  # kube-apiserver rejects writes to a new custom resource for this time
_INVALID = {400, 422}
_ALREADY_DONE = {("POST", 409, "AlreadyExists"), ("DELETE", 404, "NotFound")}  # the response to a first try was lost


class PlatformError(Exception):
    """The API server rejected a write, or did not accept it in time."""


def lives_for(objects: int) -> int:
    """The number of runs, so that runs and Jobs together are `objects`: one run in six has no Job yet."""
    return max(1, objects * len(Stage) // (2 * len(Stage) - 1))


def turnover(lives: int, *, rate: float) -> float:
    """The seconds until all objects have been replaced."""
    return lives * WRITES / rate


class _Pace:
    """Limits the rate of writes. A delay of more than 0.5 s is not made up for."""

    def __init__(self, rate: float) -> None:
        self._step = 1 / rate
        self._next = 0.0

    async def turn(self) -> None:
        now = time.monotonic()
        self._next = max(self._next + self._step, now - 0.5)
        await asyncio.sleep(max(0.0, self._next - now))


class Platform:
    """An async context manager. `changes` is the number of rate-limited writes, `replaced` that of deleted runs."""

    def __init__(self, server: Server, *, lives: int, rate: float, seed: int) -> None:
        self.changes = 0
        self.replaced = 0
        self._server = server
        self._rate = rate
        self._pace: _Pace | None = None
        self._next = lives
        self._lives = collections.deque(Life(number=number) for number in range(lives))
        self._random = random.Random(seed)  # noqa: S311 - not a secret

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._server.token}"},
            connector=aiohttp.TCPConnector(ssl=self._server.trust or True),
            timeout=aiohttp.ClientTimeout(total=10),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def fill(self) -> None:
        """Creates the initial objects: runs at every stage. Raises PlatformError."""
        await self._write("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        await self._write("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd())
        await self._write("POST", _CONFIGMAPS, {"metadata": {"name": CONFIGMAP}, "data": {"code.sh": "#!/bin/sh"}})
        while (await self._ask("GET", f"{_RUNS}?limit=1", None))[0] != 200:  # noqa: PLR2004 - OK
            await asyncio.sleep(0.1)
        await asyncio.sleep(_ESTABLISH_SECONDS)
        todo = iter(tuple(self._lives))
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WRITERS):
                tasks.create_task(self._advance_to_stages(todo))
        self._random.shuffle(self._lives)
        self.changes, self._pace = 0, _Pace(self._rate)

    async def work(self) -> None:
        """Writes until cancelled; run WRITERS of these tasks. Raises PlatformError."""
        while True:
            life = self._lives.popleft()  # so that no other task works on it
            await self._step(life)
            self._lives.append(life)

    async def pulse(self) -> None:
        """Updates the ConfigMap each second until cancelled. Raises PlatformError.

        The exporter resets the backoff of a watch after its first event or bookmark. Bookmarks come too rarely here:
        without these events, the backoff would grow with each fault.
        """
        while True:
            patch = {"metadata": {"annotations": {"pulse": str(time.time())}}}
            await self._write("PATCH", f"{_CONFIGMAPS}/{CONFIGMAP}", patch, paced=False)
            await asyncio.sleep(1)

    async def _advance_to_stages(self, todo: Iterator[Life]) -> None:
        for life in todo:
            life.uid = await self._create(_RUNS, life.run)
            for _ in range(life.number % len(Stage)):
                await self._step(life)

    async def _step(self, life: Life) -> None:
        """Writes the next stage of a run; after the last stage, replaces the run."""
        run, job = f"{_RUNS}/{name_of(life.run)}", f"{_JOBS}/{name_of(life.job)}"
        if life.stage == Stage.RUN_ENDED:
            await self._write("DELETE", f"{job}?propagationPolicy=Background")
            await self._write("DELETE", run)
            life.number, life.stage, self._next = self._next, Stage.RUN_MADE, self._next + 1
            life.uid = await self._create(_RUNS, life.run)
            self.replaced += 1
            return
        life.stage = Stage(life.stage + 1)
        if life.stage == Stage.JOB_MADE:
            await self._create(_JOBS, life.job)
        else:
            of_job = life.stage in {Stage.JOB_ACTIVE, Stage.JOB_ENDED}
            await self._write("PATCH", f"{job if of_job else run}/status", {"status": life.status})

    async def _create(self, path: str, body: dict[str, Any]) -> str:
        """Creates an object and returns its UID. If the response to the creation was lost, reads the object."""
        made = await self._write("POST", path, body)
        if not made:
            made = await self._write("GET", f"{path}/{name_of(body)}", paced=False)
        uid: str = made["metadata"]["uid"]
        return uid

    async def _write(self, method: str, path: str, body: dict[str, Any] | None = None, *, paced: bool = True) -> Any:
        """Retries a write until it succeeds; None if an earlier try had succeeded. Raises PlatformError."""
        if self._pace is not None and paced:
            await self._pace.turn()
        until = time.monotonic() + _RETRY_SECONDS
        while True:
            code, answer = await self._ask(method, path, body)
            if code in {200, 201, 202}:
                self.changes += paced
                return answer
            # An API server that is starting also responds with 404, but in plain text.
            if isinstance(answer, dict) and (method, code, answer.get("reason")) in _ALREADY_DONE:
                return None
            if code in _INVALID or time.monotonic() > until:
                raise PlatformError(f"{method} {path}: {code} {answer}")
            await asyncio.sleep(0.1)

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        """Status and body; 0 and the error if there was no response."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        data, headers = json.dumps(body) if body else None, {"Content-Type": kind}
        try:
            async with self._session.request(method, self._server.url + path, data=data, headers=headers) as answer:
                text = await answer.text()
                return answer.status, json.loads(text) if answer.content_type == "application/json" else text
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return 0, repr(error)
