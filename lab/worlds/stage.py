"""The stand-in API server and an exporter with the settings of a world, and a clock that the simulation sets."""

import contextlib
import json
import pathlib
import tempfile
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

from exporter.app import serve
from exporter.config import Kubernetes, Settings, Web
from exporter.config_file import load
from lab.apiserver import StandInApiServer
from lab.kubeconfig import kubeconfig
from lab.waiting import until_true
from lab.worlds.steps import Step

__all__ = ["Stage", "settings_of"]

_PLURALS = {"ConfigMap": "configmaps", "Job": "jobs", "Pod": "pods", "Namespace": "namespaces"}


class Stage:
    """The servers of a world, as an async context manager. `now` is the time of both clocks (Unix time)."""

    def __init__(self, *, now: float, settings: Mapping[str, Any]) -> None:
        self.now = now
        self.server = StandInApiServer(clock=lambda: self.now)
        self._settings = settings

    async def __aenter__(self) -> Self:
        self._stack = contextlib.AsyncExitStack()
        await self.server.start()
        self._stack.push_async_callback(self.server.stop)
        self.folder = pathlib.Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="world-")))
        self.kubeconfig = self.folder / "kubeconfig"
        self.kubeconfig.write_text(kubeconfig(self.server.url), encoding="utf-8")
        self._session = await self._stack.enter_async_context(aiohttp.ClientSession())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def serve(self) -> None:
        """Starts the exporter, and waits until its initial lists have completed."""
        settings = settings_of(self._settings, folder=self.folder, kubeconfig=self.kubeconfig)
        self._app = await self._stack.enter_async_context(serve(settings, clock=lambda: self.now))
        statuses = self._app.health.statuses
        await until_true(lambda: all(each.state == "watching" for each in statuses), what="all resources are watched")

    def take(self, step: Step) -> None:
        """Applies a step: changes or deletes an object."""
        if step.gone:
            metadata = step.item["metadata"]
            plural = _PLURALS[step.item["kind"]]
            self.server.store.delete(plural, metadata["name"], namespace=metadata["namespace"])
        else:
            self.server.store.put(step.item)

    async def settle(self) -> None:
        """Sends a bookmark to each watch, and waits until the exporter has received all events.

        Waits twice, because watches of Events start after the runs have been received.
        """
        self.server.bookmark()
        await until_true(self._has_received_all, what="all events are received")
        self._app.advance()
        await until_true(self._has_received_all, what="all events are received")

    def _has_received_all(self) -> bool:
        return all(each.last_sync == self.now for each in self._app.health.statuses)

    async def page(self) -> str:
        """The metrics of the exporter."""
        async with self._session.get(f"{self._app.url}/metrics", headers={"Accept": "text/plain"}) as answer:
            answer.raise_for_status()
            return await answer.text()


def settings_of(settings: Mapping[str, Any], *, folder: pathlib.Path, kubeconfig: pathlib.Path) -> Settings:
    """The exporter's settings, validated as those of a settings file, with a free port."""
    file = folder / "exporter.yml"
    file.write_text(json.dumps(settings), encoding="utf-8")
    return msgspec.structs.replace(
        load(str(file)),
        kubernetes=Kubernetes(kubeconfig=str(kubeconfig)),
        web=Web(listen_addresses=("127.0.0.1:0",)),
    )
