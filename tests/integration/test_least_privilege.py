"""The permissions of `coderun-exporter rbac` are sufficient, and each of them is needed."""

import json
import pathlib
import re
import subprocess
import sys

import pytest

from lab.controlplane import objects
from lab.controlplane.account import ServiceAccount
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import CLAUDE, PlatformNamespace
from lab.exporting import Exporter
from lab.waiting import until
from tests.integration.one_run import REQUIRED_RESOURCES, RESOURCES, platform, settings_file

__all__ = ["platform", "settings_file"]

pytestmark = pytest.mark.timeout(180)

SELF_REVIEW_GROUPS = ("authorization.k8s.io", "authentication.k8s.io")  # every account can review its own permissions


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
