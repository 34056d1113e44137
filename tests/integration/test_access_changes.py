"""A permission that is removed, and a token that is rotated, while the exporter runs on a real API server."""

import asyncio
import functools
import logging
import pathlib

import pytest

from exporter.app import App
from exporter.kube.auth import Credentials
from lab.controlplane.account import ServiceAccount, Token
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import CLAUDE, PlatformNamespace
from tests.exporting import metrics_of, readiness, short_intervals, start_page, state_of
from tests.integration.in_process import (
    an_exporter,
    changes_of_state,
    eventually,
    exposed_lines,
    short_watches,
    states,
)
from tests.integration.one_run import REQUIRED_RESOURCES, RESOURCES, platform, settings_file

__all__ = ["platform", "settings_file", "short_intervals", "short_watches"]

pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("resource", REQUIRED_RESOURCES)
@pytest.mark.usefixtures("short_watches")
async def test_a_removed_permission_is_a_state(
    account: ServiceAccount,
    platform: PlatformNamespace,
    settings_file: pathlib.Path,
    tmp_path: pathlib.Path,
    caplog: pytest.LogCaptureFixture,
    resource: str,
):
    """Other resources are watched, and series remain. A restored permission ends the state. Each is one log line."""
    assert sorted(rule["resources"][0] for _, rule in account.rules()) == sorted(RESOURCES)
    ((role, lost),) = [(role, rule) for role, rule in account.rules() if rule["resources"] == [resource]]
    kubeconfig = account.kubeconfig(tmp_path, token=account.token("pod-1").text)
    caplog.set_level(logging.INFO)
    async with an_exporter(settings_file, kubeconfig=kubeconfig) as app:
        before = await exposed_lines(app, platform.namespace)
        caplog.clear()
        kept = [rule for rule in role["rules"] if rule is not lost]
        await asyncio.to_thread(account.set_rules, role, kept)
        await eventually(lambda: state_of(app, resource) == ["forbidden"], what="the state is forbidden")
        await asyncio.to_thread(_change_everything, platform)
        await eventually(
            lambda: _has_seen(app, platform) == set(REQUIRED_RESOURCES) - {resource},
            what="the others are still watched",
        )
        lines = await exposed_lines(app, platform.namespace)
        of_content = "configmap_keys", "configmap_size", "configmap_watched", "coderun_job_creations_total"
        assert {line for line in before - lines if not line.startswith(of_content)} == set()
        (status,) = [status for status in app.health.statuses if status.resource == resource]
        assert (await metrics_of(app)).state(resource, status.scope) == "forbidden"
        assert f"[-] {resource}: " in (await readiness(app))[1]
        text = await start_page(app)
        assert "403 at " in text
        assert f'User "{account.user}" cannot watch resource "{resource}"' in text
        await asyncio.to_thread(account.set_rules, role, role["rules"])
        await eventually(lambda: states(app) == {"watching"}, what="all resources are watched again")
        await eventually(
            lambda: _has_seen(app, platform) == set(REQUIRED_RESOURCES), what="all changes are in the cache"
        )
        assert not any('problem="forbidden"' in line for line in await exposed_lines(app, platform.namespace))
    assert changes_of_state(caplog) == [(resource, "forbidden"), (resource, "watching")]


def _change_everything(platform: PlatformNamespace) -> None:
    platform.make_job(platform.make_run("second"))
    platform.set_templates({"code_implement.sh": "#!/bin/sh", "another": "key"})


def _has_seen(app: App, platform: PlatformNamespace) -> set[str]:
    """The resources whose change is in the cache."""
    cluster = app.store.cache
    expected = {"coderuns": (cluster.runs, "second"), "jobs": (cluster.jobs, "second-job")}
    seen = {
        resource
        for resource, (table, name) in expected.items()
        if (platform.namespace, name) in {(each.namespace, each.name) for each in table}
    }
    record = cluster.configmaps.get(f"{platform.namespace}/{CLAUDE}")
    return seen | ({"configmaps"} if record and record.keys == 2 else set())


@pytest.mark.parametrize("settings_file", ["namespace"], indirect=True)
@pytest.mark.parametrize("token_source", ["tokenFile of a kubeconfig", "service account of a pod"])
@pytest.mark.usefixtures("short_watches")
async def test_a_rotated_token_is_used_without_an_interruption(
    account: ServiceAccount,
    platform: PlatformNamespace,
    control_plane: ControlPlane,
    settings_file: pathlib.Path,
    tmp_path: pathlib.Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    token_source: str,
):
    """The old token becomes invalid while the exporter runs. No state changes, and no series is lost."""
    old, new = account.token("pod-1"), account.token("pod-2")
    old.write(tmp_path / "token")
    kubeconfig = None
    if token_source.startswith("tokenFile"):
        kubeconfig = account.kubeconfig(tmp_path, tokenFile=str(tmp_path / "token"))
    else:
        _be_a_pod(monkeypatch, control_plane, tmp_path)
    caplog.set_level(logging.INFO)
    ask = functools.partial(control_plane.request, "GET", platform.jobs)
    async with an_exporter(settings_file, kubeconfig=kubeconfig) as app:
        before = await exposed_lines(app, platform.namespace)
        caplog.clear()
        new.write(tmp_path / "token")
        await asyncio.to_thread(account.end, old)
        while (code := (await asyncio.to_thread(ask, token=old.text))[0]) == 200:
            assert await exposed_lines(app, platform.namespace) == before
            await asyncio.sleep(0.1)
        assert code == 401
        await eventually(
            lambda: _bearers(account, new) == set(RESOURCES), what="all resources are watched with the new token"
        )
        await asyncio.to_thread(platform.make_run, "second")
        await eventually(
            lambda: "second" in {run.name for run in app.store.cache.runs}, what="the cache has the new run"
        )
        assert await exposed_lines(app, platform.namespace) > before
    assert changes_of_state(caplog) == []


def _be_a_pod(monkeypatch: pytest.MonkeyPatch, control_plane: ControlPlane, folder: pathlib.Path) -> None:
    """Uses the folder as the one into which the kubelet mounts the token and the CA."""
    (folder / "ca.crt").symlink_to(control_plane.ca)
    host, _, port = control_plane.url.removeprefix("https://").partition(":")
    pod = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    in_pod = functools.partial(Credentials.load, environ=pod, service_account=folder)
    monkeypatch.setattr(Credentials, "load", in_pod)


def _bearers(account: ServiceAccount, token: Token) -> set[str]:
    """The resources that were requested with this token."""
    return {
        event["objectRef"]["resource"]
        for event in account.requests()
        if token.identity in event["user"]["extra"]["authentication.kubernetes.io/credential-id"]
    }
