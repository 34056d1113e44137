"""The exporter within the process of the test, with short watches and with its log in caplog."""

import asyncio
import contextlib
import pathlib
import types
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any

import msgspec
import pytest

from exporter.app import App, serve
from exporter.config import Kubernetes, Web
from exporter.config_file import load
from exporter.reflector import watching
from lab.exporting import object_samples
from lab.faults.fresh import until_closed
from tests.web.serving import fetch

__all__ = ["an_exporter", "changes_of_state", "eventually", "exposed_lines", "short_watches", "states"]


@pytest.fixture
def short_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exporter requests watches of 2 s, not 5 to 10 minutes: a server authorizes requests, not open watches."""
    monkeypatch.setattr(watching, "random", types.SimpleNamespace(randint=lambda _, __: 2))


@contextlib.asynccontextmanager
async def an_exporter(
    settings_file: pathlib.Path,
    *,
    kubeconfig: pathlib.Path | None,
    expected: Collection[str] = ("watching",),
    polls_logs: bool = True,
    **web: Any,
) -> AsyncIterator[App]:
    """An exporter whose lists and watches all have the expected states. Without a kubeconfig it is as in a pod.

    Without `polls_logs`, the test calls `App.logs.poll`. `web`: settings of the web server.
    """
    settings = msgspec.structs.replace(
        load(str(settings_file)),
        kubernetes=Kubernetes(kubeconfig=kubeconfig and str(kubeconfig)),
        web=Web(listen_addresses=("127.0.0.1:0",), **web),
    )
    async with serve(settings, polls_logs=polls_logs) as app:
        await eventually(lambda: states(app) == {*expected}, what="all lists and watches have the expected states")
        yield app
    await until_closed()  # else another test fails, which collects the sockets


def states(app: App) -> set[str]:
    """The states of all lists and watches."""
    return {status.state for status in app.health.statuses}


async def eventually(claim: Callable[[], bool], *, what: str, seconds: float = 20.0) -> None:
    """Waits until the condition holds. Raises AssertionError with `what` after `seconds`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not claim():
                await asyncio.sleep(0.02)
    assert claim(), what


async def exposed_lines(app: App, namespace: str) -> set[str]:
    """The lines of the metrics with this namespace."""
    status, _, text = await fetch(f"{app.url}/metrics")
    assert status == 200
    return {line for line in object_samples(text.decode()) if f'namespace="{namespace}"' in line}


def changes_of_state(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """The resource and new state of each logged change of a state.

    Events are left out, because their watches start and stop with the runs.
    """
    changes = [each for each in caplog.records if each.message == "Resource state changed"]
    return [(each.resource, each.state) for each in changes if each.resource != "events"]
