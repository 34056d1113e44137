"""The notices about settings, which the exporter shows at `/` and logs once."""

import logging

import pytest

from exporter import settings_notices
from exporter.config import CodeRuns, ConfigMaps
from exporter.notices import Notices
from exporter.profiles import Profile
from tests.clusters import a_configmap, a_run, a_server, a_status, restart, until
from tests.commands.test_check_input import AGENTTASKS
from tests.exporting import an_exporter, metrics_of, reject_requests, short_intervals
from tests.web.serving import fetch

__all__ = ["short_intervals"]

NO_CONFIGMAPS = ConfigMaps(required=())
TASKS = {"group": "example.com", "plural": "agenttasks"}


@pytest.fixture(autouse=True)
def frequent_checks(monkeypatch):
    """Shortens the interval of the checks from minutes to milliseconds."""
    monkeypatch.setattr(settings_notices, "_CHECK_SECONDS", 0.01)
    monkeypatch.setattr(settings_notices, "_RETRY_SECONDS", 0.01)


async def status_page(app):
    """The HTML of the page at `/`."""
    return (await fetch(f"{app.url}/"))[2].decode()


def logged(caplog):
    """The logged messages about the settings."""
    return [record.getMessage() for record in caplog.records if record.name == "exporter.notices"]


def test_a_notice_is_logged_once(caplog):
    """It is not logged again when it becomes true again. A different text of the same subject is a new notice."""
    caplog.set_level(logging.INFO)
    notices = Notices()
    for line in ("a", "a", "", "a", "b"):
        notices.set("x", line)
    notices.set("y", "c", level=logging.INFO)
    assert logged(caplog) == ["a", "b", "c"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO"]
    assert notices.lines == ["b", "c"]


async def test_a_platform_without_the_default_configmaps_requires_none(tmp_path, caplog):
    """As soon as one of them appears, the others are reported as missing."""
    caplog.set_level(logging.INFO)
    async with a_server(a_run("r")) as server, an_exporter(server.url, tmp_path) as app:
        await until(lambda: logged(caplog))
        assert "no ConfigMap is required, because namespace agent-platform has none of" in await status_page(app)
        page = await metrics_of(app)
        assert page.values("configmap_health") == []
        assert page.values("configmap_problem") == []
        assert page.values("configmap_watched") == [1] * 6
        server.load([a_configmap("controller-agent-templates-claude", a="x")])
        await until(lambda: any(item.exists for item in app.store.cache.configmaps))
        page = await metrics_of(app)
        assert sorted(page.values("configmap_health")) == [0] * 5 + [1]
        assert page.values("coderun_stall_cause", coderun="r", cause="configmap_missing")
    assert len(logged(caplog)) == 1
    assert "no ConfigMap is required" in logged(caplog)[0]


async def test_a_kind_with_another_name_in_the_api_server_is_reported(tmp_path, caplog):
    """The notice is logged once and stops nothing. It is removed from `/` when the names are equal."""
    kinds = CodeRuns(kinds=(Profile(), Profile(**TASKS, kind="Agenttask")))
    notice = "agenttasks.example.com: its kind is AgentTask, not Agenttask"
    async with (
        a_server(a_run("r"), AGENTTASKS) as server,
        an_exporter(server.url, tmp_path, configmaps=NO_CONFIGMAPS, coderuns=kinds) as app,
    ):
        await until(lambda: logged(caplog))
        assert notice in await status_page(app)
        await until(app.health.is_ready)
        assert (await metrics_of(app)).values("coderun_created_timestamp", coderun="r")
        server.store.delete("customresourcedefinitions", "agenttasks.example.com")
        names = {"plural": "agenttasks", "kind": "Agenttask"}
        server.load([AGENTTASKS | {"spec": AGENTTASKS["spec"] | {"names": names}}])
        while notice in await status_page(app):
            pass
    assert logged(caplog) == [notice]


async def test_while_discovery_fails_no_notice_is_logged(tmp_path, caplog):
    """A 403 of discovery is ignored, because the lists show what is permitted."""
    kinds = CodeRuns(kinds=(Profile(**TASKS, kind="Agenttask"),))
    async with a_server(AGENTTASKS) as server:
        reject_requests(server, lambda: a_status(403, "no"), "/apis/example.com/v1")
        async with an_exporter(server.url, tmp_path, configmaps=NO_CONFIGMAPS, coderuns=kinds):
            seen = len(server.requests)
            await until(lambda: len(server.requests) > seen + 10)
            assert logged(caplog) == []
            server.intercept = None
            await restart(server)
            await until(lambda: logged(caplog))
