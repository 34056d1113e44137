"""The exporter within the test's own process: its log is the test's, and its watches are short."""

import asyncio
import contextlib
import pathlib
import types
from collections.abc import AsyncIterator, Callable, Collection

import msgspec
import pytest

from exporter.app import App, serve
from exporter.config import Kubernetes, Web
from exporter.config_file import load
from exporter.reflector import watching
from lab.exporting import objects_of
from tests.web.serving import fetch

__all__ = ["an_exporter", "changes_of_state", "eventually", "short_watches", "shown", "states"]


@pytest.fixture
def short_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exporter asks for watches of 2 s instead of 5 to 10 minutes: a server checks requests, not open watches."""
    monkeypatch.setattr(watching, "random", types.SimpleNamespace(randint=lambda _, __: 2))


@contextlib.asynccontextmanager
async def an_exporter(
    settings_file: pathlib.Path, *, kubeconfig: pathlib.Path | None, expected: Collection[str] = ("watching",)
) -> AsyncIterator[App]:
    """One whose lists and watches are in the expected states by now; kubeconfig None: as in a pod."""
    settings = msgspec.structs.replace(
        load(str(settings_file)),
        kubernetes=Kubernetes(kubeconfig=kubeconfig and str(kubeconfig)),
        web=Web(listen_addresses=("127.0.0.1:0",)),
    )
    async with serve(settings) as app:
        await eventually(lambda: states(app) == {*expected}, what="everything is watched")
        yield app


def states(app: App) -> set[str]:
    """The states that its lists and watches are in."""
    return {status.state for status in app.health.statuses}


async def eventually(claim: Callable[[], bool], *, what: str, seconds: float = 20.0) -> None:
    """Waits until it holds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not claim():
                await asyncio.sleep(0.02)
    assert claim(), what


async def shown(app: App, namespace: str) -> set[str]:
    """The lines of its page that tell of this namespace."""
    status, _, page = await fetch(f"{app.url}/metrics")
    assert status == 200
    return {line for line in objects_of(page.decode()) if f'namespace="{namespace}"' in line}


def changes_of_state(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Resource and new state of each that was logged since the log was cleared.

    Without Events: their watches start and stop with the runs.
    """
    changes = [each for each in caplog.records if each.message == "Resource state changed"]
    return [(each.resource, each.state) for each in changes if each.resource != "events"]
