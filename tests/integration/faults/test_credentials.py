"""Credentials that the API server does not take any more."""

import json
import pathlib
import uuid
from typing import Any

import pytest

from lab.controlplane.plane import EXPORTER_TOKEN, ControlPlane
from lab.controlplane.platform_namespace import CLAUDE, PlatformNamespace
from lab.faults.proxy import FaultProxy
from lab.waiting import until
from tests.integration.faults.changes import change
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject
from tests.integration.faults.told import errors

pytestmark = pytest.mark.timeout(180)

NAMESPACES = 8
WATCHES = 3 * NAMESPACES + 2
"""Runs, Jobs and Pods of each, the ConfigMap, and Events of the one that has open runs."""
PLUGIN = """\
#!/bin/sh
echo run >>{folder}/runs
sleep 0.3
printf '{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"%s"}}}}' \
  "$(cat {folder}/token)"
"""


class Wallet:
    """The file with the exporter's token, and the plugin that hands it out and counts how often."""

    def __init__(self, folder: pathlib.Path, proxy: FaultProxy) -> None:
        self.folder = folder
        self._proxy = proxy
        folder.mkdir()
        (folder / "runs").touch()
        plugin = folder / "plugin"
        plugin.write_text(PLUGIN.format(folder=folder))
        plugin.chmod(0o700)
        self.plugin = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(plugin),
            "interactiveMode": "Never",
        }
        self.hold("first")
        self.take("first")

    def hold(self, token: str) -> None:
        """This is the exporter's token from now on."""
        (self.folder / "token").write_text(token)

    def take(self, *tokens: str) -> None:
        """The API server takes these tokens and no others."""
        self._proxy.tokens = dict.fromkeys(tokens, EXPORTER_TOKEN)

    def runs(self) -> int:
        """How often the plugin has been run."""
        return len((self.folder / "runs").read_text().splitlines())


@pytest.fixture
def wallet(proxy: FaultProxy, tmp_path: pathlib.Path) -> Wallet:
    """Holds a token that the API server takes."""
    return Wallet(tmp_path / "wallet", proxy)


@pytest.fixture
def kubeconfig(
    request: pytest.FixtureRequest, control_plane: ControlPlane, proxy: FaultProxy, wallet: Wallet
) -> pathlib.Path:
    """With the wallet's plugin or the wallet's file."""
    user = {"exec": wallet.plugin} if request.param == "plugin" else {"tokenFile": str(wallet.folder / "token")}
    config = json.loads(control_plane.kubeconfig_of("", url=proxy.url))
    file = wallet.folder / "kubeconfig"
    file.write_text(json.dumps(config | {"users": [{"name": "user", "user": user}]}))
    return file


@pytest.fixture
def settings(control_plane: ControlPlane, platform: PlatformNamespace) -> dict[str, Any]:
    """Many namespaces, so that many watches meet the same trouble in the same moment."""
    names = [f"fault-{uuid.uuid4().hex[:8]}" for _ in range(NAMESPACES - 1)]
    for name in names:
        PlatformNamespace(control_plane, name).open()
    return {
        "namespaces": [platform.namespace, *names],
        "configmaps": {"namespace": platform.namespace, "required": [CLAUDE]},
    }


@pytest.mark.fault("401 for every request at once, and new credentials")
@pytest.mark.parametrize("kubeconfig", ["plugin"], indirect=True)
def test_new_credentials_are_fetched_once_for_all(
    platform: PlatformNamespace, proxy: FaultProxy, wallet: Wallet, subject: Subject, report: Report
):
    """No error, no other state, no line in the log: each request is tried again with what the one run gave."""
    before = len(proxy.asked)
    with subject.enduring() as endured:
        wallet.hold("second")
        wallet.take("second")
        proxy.end()
        change(platform)
        until(lambda: sum(one.token == "second" for one in proxy.asked) == WATCHES, what="all have the new token")
        endured.mended()
    report.note(endured)
    assert sum(one.token == "first" for one in proxy.asked[before:]) == WATCHES
    assert wallet.runs() == 2, "at its start, and then once"
    assert endured.turns == []
    assert errors(subject) == 0


@pytest.mark.fault("401 for every request, and no new credentials for some time")
@pytest.mark.parametrize("kubeconfig", ["file"], indirect=True)
def test_credentials_that_stay_refused_are_a_state_of_their_own(
    platform: PlatformNamespace, proxy: FaultProxy, wallet: Wallet, subject: Subject, report: Report
):
    """`unauthorized`, as long as the file holds what the server does not take; the page stays."""
    with subject.enduring() as endured:
        wallet.take()
        proxy.end()
        change(platform)
        until(lambda: errors(subject, code="401") >= 2 * WATCHES, what="each was refused twice")
        assert set(subject.states().values()) == {"unauthorized"}
        wallet.take("second")
        wallet.hold("second")
        endured.mended()
    report.note(endured)
    lines = [(turn.resource, turn.scope, turn.state) for turn in endured.turns]
    assert len(lines) == len(set(lines)) == 2 * WATCHES
    assert {state for *_, state in lines} == {"unauthorized", "watching"}
