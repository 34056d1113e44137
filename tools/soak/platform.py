"""An agent platform under load: runs and their Jobs, at a rate, each pair from its creation to its deletion.

There are always as many as there were, but others: after `turnover` seconds not one of the first is left.
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
_PATIENCE_SECONDS = 120.0
_SERVED_SECONDS = 2.0  # a real server refuses writes to a new resource for so long
_WRONG = {400, 422}
_DONE = {("POST", 409, "AlreadyExists"), ("DELETE", 404, "NotFound")}  # a write whose answer was lost


class PlatformError(Exception):
    """A write that the API server does not take."""


def lives_for(objects: int) -> int:
    """How many runs live at once, so that they and their Jobs are so many objects: one run in six has no Job yet."""
    return max(1, objects * len(Stage) // (2 * len(Stage) - 1))


def turnover(lives: int, *, rate: float) -> float:
    """After how many seconds everything has been replaced."""
    return lives * WRITES / rate


class _Pace:
    """Gives turns at a rate. What was missed for longer than half a second is not made up for."""

    def __init__(self, rate: float) -> None:
        self._step = 1 / rate
        self._next = 0.0

    async def turn(self) -> None:
        now = time.monotonic()
        self._next = max(self._next + self._step, now - 0.5)
        await asyncio.sleep(max(0.0, self._next - now))


class Platform:
    """Used as an async context manager. `changes` counts the writes at the rate, `replaced` the lives that ended."""

    def __init__(self, server: Server, *, lives: int, rate: float, seed: int) -> None:
        self.changes = 0
        self.replaced = 0
        self._server = server
        self._rate = rate
        self._pace: _Pace | None = None
        self._next = lives
        self._lives = collections.deque(Life(number=number) for number in range(lives))
        self._chance = random.Random(seed)  # noqa: S311 - a game, not a secret

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
        """What there is at the beginning: lives at every stage. Raises PlatformError."""
        await self._write("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        await self._write("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd())
        await self._write("POST", _CONFIGMAPS, {"metadata": {"name": CONFIGMAP}, "data": {"code.sh": "#!/bin/sh"}})
        while (await self._ask("GET", f"{_RUNS}?limit=1", None))[0] != 200:  # noqa: PLR2004 - OK
            await asyncio.sleep(0.1)
        await asyncio.sleep(_SERVED_SECONDS)
        todo = iter(tuple(self._lives))
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WRITERS):
                tasks.create_task(self._grow(todo))
        self._chance.shuffle(self._lives)
        self.changes, self._pace = 0, _Pace(self._rate)

    async def work(self) -> None:
        """One of WRITERS that change things, for ever. Raises PlatformError."""
        while True:
            life = self._lives.popleft()  # nobody else works on it until it is back
            await self._step(life)
            self._lives.append(life)

    async def pulse(self) -> None:
        """Touches the ConfigMap each second, for ever. Raises PlatformError.

        The exporter takes a watch for healthy again when it has said something, which here no bookmark does in time:
        without this it would wait longer after each fault.
        """
        while True:
            beat = {"metadata": {"annotations": {"pulse": str(time.time())}}}
            await self._write("PATCH", f"{_CONFIGMAPS}/{CONFIGMAP}", beat, paced=False)
            await asyncio.sleep(1)

    async def _grow(self, todo: Iterator[Life]) -> None:
        for life in todo:
            life.uid = await self._made(_RUNS, life.run)
            for _ in range(life.number % len(Stage)):
                await self._step(life)

    async def _step(self, life: Life) -> None:
        """What happens next in a life, or the beginning of the next one."""
        run, job = f"{_RUNS}/{name_of(life.run)}", f"{_JOBS}/{name_of(life.job)}"
        if life.stage == Stage.RUN_ENDED:
            await self._write("DELETE", f"{job}?propagationPolicy=Background")
            await self._write("DELETE", run)
            life.number, life.stage, self._next = self._next, Stage.RUN_MADE, self._next + 1
            life.uid = await self._made(_RUNS, life.run)
            self.replaced += 1
            return
        life.stage = Stage(life.stage + 1)
        if life.stage == Stage.JOB_MADE:
            await self._made(_JOBS, life.job)
        else:
            of_job = life.stage in {Stage.JOB_ACTIVE, Stage.JOB_ENDED}
            await self._write("PATCH", f"{job if of_job else run}/status", {"status": life.status})

    async def _made(self, path: str, body: dict[str, Any]) -> str:
        """Makes an object and gives its UID, also where the answer was lost that said so."""
        made = await self._write("POST", path, body)
        if not made:
            made = await self._write("GET", f"{path}/{name_of(body)}", paced=False)
        uid: str = made["metadata"]["uid"]
        return uid

    async def _write(self, method: str, path: str, body: dict[str, Any] | None = None, *, paced: bool = True) -> Any:
        """Again and again until it is done; None where it had been done before. Raises PlatformError."""
        if self._pace is not None and paced:
            await self._pace.turn()
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            code, answer = await self._ask(method, path, body)
            if code in {200, 201, 202}:
                self.changes += paced
                return answer
            # A server that just starts says 404 too, but in plain text.
            if isinstance(answer, dict) and (method, code, answer.get("reason")) in _DONE:
                return None
            if code in _WRONG or time.monotonic() > until:
                raise PlatformError(f"{method} {path}: {code} {answer}")
            await asyncio.sleep(0.1)

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        """Status and body; 0 where there was no answer."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        data, headers = json.dumps(body) if body else None, {"Content-Type": kind}
        try:
            async with self._session.request(method, self._server.url + path, data=data, headers=headers) as answer:
                text = await answer.text()
                return answer.status, json.loads(text) if answer.content_type == "application/json" else text
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return 0, repr(error)
