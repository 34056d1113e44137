"""The permissions of `coderun-exporter rbac` are sufficient, and each of them is needed."""

import asyncio
import functools
import json
import logging
import pathlib
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from exporter.app import App
from exporter.kube.auth import Credentials
from lab.controlplane import objects
from lab.controlplane.account import ServiceAccount, Token
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import CLAUDE, PlatformNamespace
from lab.exporting import Exporter
from lab.waiting import until
from tests.exporting import metrics_of, readiness, short_intervals, start_page, state_of
from tests.integration.in_process import (
    an_exporter,
    changes_of_state,
    eventually,
    exposed_lines,
    short_watches,
    states,
)

__all__ = ["short_intervals", "short_watches"]

pytestmark = pytest.mark.timeout(180)

REQUIRED_RESOURCES = ("coderuns", "jobs", "configmaps")
RESOURCES = (*REQUIRED_RESOURCES, "pods", "events")  # Pods and Events are optional
SELF_REVIEW_GROUPS = ("authorization.k8s.io", "authentication.k8s.io")  # every account can review its own permissions


@pytest.fixture
def platform(control_plane: ControlPlane) -> PlatformNamespace:
    """A namespace with a run, its Job and the required ConfigMap."""
    made = PlatformNamespace(control_plane, f"least-{uuid.uuid4().hex[:8]}").open()
    made.set_templates({"code_implement.sh": "#!/bin/sh"})
    made.make_job(made.make_run("first"))
    return made


@pytest.fixture(params=["namespace", "cluster"])
def settings_file(
    request: pytest.FixtureRequest, platform: PlatformNamespace, tmp_path: pathlib.Path
) -> pathlib.Path:
    """Settings that read one namespace or all namespaces."""
    settings = {"configmaps": {"namespace": platform.namespace, "required": [CLAUDE]}}
    if request.param == "namespace":
        settings["namespaces"] = [platform.namespace]
    path = tmp_path / "settings.yml"
    path.write_text(json.dumps(settings))
    return path


@pytest.fixture
def account(
    control_plane: ControlPlane, platform: PlatformNamespace, settings_file: pathlib.Path
) -> Iterator[ServiceAccount]:
    """A ServiceAccount with exactly the manifests for these settings."""
    made = ServiceAccount(control_plane, platform, settings=settings_file)
    made.grant()
    yield made
    made.revoke()


def granted(account: ServiceAccount) -> set[tuple[str, ...]]:
    """(verb, group, resource, namespace or "", name or "") of all permissions in the manifests."""
    return {
        (verb, group, resource, role["metadata"].get("namespace", ""), name)
        for role, rule in account.rules()
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
    }


def requested(account: ServiceAccount) -> dict[tuple[str, ...], set[int]]:
    """The same tuples for all requests, with the status codes. Discovery is left out: all accounts can use it."""
    codes: dict[tuple[str, ...], set[int]] = {}
    for event in account.requests():
        what = event.get("objectRef", {})
        if not what.get("resource"):
            assert event["requestURI"] == "/apis/agents.platform/v1"
            continue
        name = what.get("name", "").replace("coderun-exporter-check", "")  # the name that `check` requests
        platform = (what.get(part, "") for part in ("apiGroup", "resource", "namespace"))
        key = (event["verb"], *platform, name)
        codes.setdefault(key, set()).add(event["responseStatus"]["code"])
    return codes


def test_each_permission_is_used_and_no_other_is_requested(
    control_plane: ControlPlane, account: ServiceAccount, settings_file: pathlib.Path, tmp_path: pathlib.Path
):
    """By the audit log: watches if lists are streamed, lists if they are not, and the requests of `check`.

    Together these are all permissions. There are no writes and no Secrets. Only `check` also requests
    namespaces, and does not need this permission.
    """
    kubeconfig = account.kubeconfig(tmp_path, token=account.token("pod-1").text)
    settings = json.loads(settings_file.read_text())
    with Exporter(tmp_path / "streamed", kubeconfig=kubeconfig, settings=settings) as exporter:
        until(lambda: _watched(exporter) == set(RESOURCES), what="all resources are watched")
        assert {each[0] for each in requested(account)} == {"watch"}
    command = [sys.executable, "-m", "exporter", "check", "--kubeconfig", kubeconfig, "--config.file", settings_file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    try:
        control_plane.restart_api_server("--feature-gates=WatchList=false")
        with Exporter(tmp_path / "paged", kubeconfig=kubeconfig, settings=settings) as exporter:
            until(lambda: _watched(exporter) == set(RESOURCES), what="all resources are watched again")
    finally:
        control_plane.restart_api_server()
    used = requested(account)
    tried = {what for what in used if what[2] == "namespaces"}
    assert all(used.pop(what) == {403} for what in tried)
    where = {"events": ""} if "namespaces" not in settings else {}  # they are watched in one namespace at a time
    assert {(*what[:3], where.get(what[2], what[3]), what[4]) for what in used} == granted(account)
    assert {verb for verb, *_ in used} == {"list", "watch"}
    assert all(200 in codes for codes in used.values())


@pytest.mark.parametrize(("verbs", "missing"), [(["list"], "verb watch"), ([], "verbs list and watch")])
def test_check_names_the_verb_that_is_missing(
    account: ServiceAccount, settings_file: pathlib.Path, tmp_path: pathlib.Path, verbs: list[str], missing: str
):
    """It does so for each resource. A role with only `list` is not sufficient for `run`."""
    kubeconfig = account.kubeconfig(tmp_path, token=account.token("pod-1").text)
    for role in account.manifests:
        if "rules" in role:
            account.set_rules(role, [rule | {"verbs": verbs or ["get"]} for rule in role["rules"]])
    command = [sys.executable, "-m", "exporter", "check", "--kubeconfig", kubeconfig, "--config.file", settings_file]
    found: list[str] = []

    def refused() -> bool:  # the authorizer receives changed roles a moment later
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        found[:] = [line for line in done.stdout.splitlines() if line.startswith("UNKNOWN")]
        assert not found or "nothing found" not in done.stdout
        return done.returncode == 2 and len(found) == len(REQUIRED_RESOURCES)

    until(refused, what="all requests are denied")
    assert all(f"not permitted: grant the {missing} (403 at " in line for line in found)


def test_check_explains_a_role_with_only_watch(
    account: ServiceAccount, settings_file: pathlib.Path, tmp_path: pathlib.Path
):
    """It is sufficient if lists are streamed: healthy, with a note for each resource."""
    kubeconfig = account.kubeconfig(tmp_path, token=account.token("pod-1").text)
    for role in account.manifests:
        if "rules" in role:
            account.set_rules(role, [rule | {"verbs": ["watch"]} for rule in role["rules"]])
    command = [sys.executable, "-m", "exporter", "check", "--kubeconfig", kubeconfig, "--config.file", settings_file]

    def noted() -> bool:  # the authorizer receives changed roles a moment later
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        return done.returncode == 0 and done.stdout.count("grant the verb list as well") == len(RESOURCES)

    until(noted, what="a note for each resource")


def _watched(exporter: Exporter) -> set[str]:
    form = r'coderun_exporter_resource_state{resource="(\w+)",scope="[^"]*",state="watching"} 1\.0'
    return set(re.findall(form, exporter.get("/metrics").text))


def test_the_account_has_no_other_permissions(
    control_plane: ControlPlane, account: ServiceAccount, platform: PlatformNamespace
):
    """The API server's review has the granted permissions. Writes, Secrets and other ConfigMaps are denied."""
    token = account.token("pod-1").text
    review = {"spec": {"namespace": platform.namespace}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    _, answer = control_plane.request("POST", path, review, token=token)
    rules = [rule for rule in answer["status"]["resourceRules"] if rule["apiGroups"][0] not in SELF_REVIEW_GROUPS]
    assert sorted(rules, key=str) == sorted((rule for _, rule in account.rules()), key=str)
    for method, refused, body in (
        ("GET", f"/api/v1/namespaces/{platform.namespace}/secrets", None),
        ("GET", platform.config_maps, None),
        ("GET", f"{platform.config_maps}/another", None),
        ("GET", f"{platform.jobs}/first-job", None),
        ("DELETE", f"{platform.jobs}/first-job", None),
        ("POST", platform.runs, objects.code_run("mine")),
        ("PUT", f"{platform.config_maps}/{CLAUDE}", objects.config_map(CLAUDE)),
    ):
        assert control_plane.request(method, refused, body, token=token)[0] == 403, (method, refused)


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
