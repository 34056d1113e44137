"""Agents that hang in a cluster, and what watches them."""

import contextlib
import json
import pathlib
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

from exporter.log_polling.stamps import NANOSECONDS, split_stamp
from lab.controlplane.account import ServiceAccount
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.waiting import until
from tests.commands.in_process import call
from tests.exporting import Metrics
from tests.integration.agents.clis import CLIS, Cli
from tests.integration.agents.container import Container
from tests.integration.logged_pod import LoggedPod
from tests.integration.monitoring import Monitoring, run_monitoring

__all__ = ["LIMIT_SECONDS", "Hung", "Said", "Scene", "a_scene"]

LIMIT_SECONDS = 2
"""How long an agent may run after its last word."""


class Said(NamedTuple):
    """A line of a log: its time in seconds since the epoch, and its text."""

    at: float
    text: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The object in it."""
        found: dict[str, Any] = json.loads(self.text)
        return found


class Hung(NamedTuple):
    """An agent that has written its last line, and still runs."""

    cli: Cli
    container: Container
    log: pathlib.Path

    @property
    def job(self) -> str:
        """The name of its Job."""
        return f"{self.cli.name}-job"

    def said(self) -> list[Said]:
        """The lines of its log that are like the last one."""
        lines = map(split_stamp, self.log.read_bytes().splitlines())
        texts = [(stamp, text.split(b" ", 2)[2]) for stamp, text in filter(None, lines)]
        return [Said(stamp / NANOSECONDS, text) for stamp, text in texts if self.cli.last in text]

    def until_said(self, count: int) -> Said:
        """Waits for that many such lines, and returns the last one."""
        said = until(lambda: len(self.said()) >= count and self.said(), what="it has spoken", otherwise=self._log)
        assert said
        assert self.container.running, self._log()
        return said[-1]

    def _log(self) -> str:
        return self.log.read_text()


class Scene(NamedTuple):
    """The hung agents by name, their namespace, and what watches them."""

    work: PlatformNamespace
    agents: dict[str, Hung]
    monitoring: Monitoring

    def sample(self, agent: Hung, name: str, **labels: str) -> float | None:
        """The value of a metric of the Job of this agent, now."""
        metrics = Metrics(self.monitoring.exporter.get().text)
        values: list[float] = metrics.values(name, job_name=agent.job, **labels)
        return values[0] if values else None

    def cause(self, agent: Hung) -> dict[str, Any]:
        """The first finding of `explain`; empty if there is none."""
        findings: list[dict[str, Any]] = json.loads(self.explain(agent, "-o", "json"))["findings"]
        return findings[0] if findings else {}

    def explain(self, agent: Hung, *flags: str) -> str:
        """What `explain` prints."""
        run = f"{self.work.namespace}/{agent.cli.name}"
        _, out, err = call("explain", run, f"--from={self.monitoring.exporter.url}", *flags)
        assert not err, err
        return out


@contextlib.contextmanager
def a_scene(plane: ControlPlane, folder: pathlib.Path) -> Iterator[Scene]:
    """All agents hang when it begins.

    The Pods are made after the last words: the exporter reads a log within 15 s of the start of its container, and
    then a minute later.
    """
    work = PlatformNamespace(plane, f"agents-{uuid.uuid4().hex[:8]}").open()
    work.ask("POST", f"/api/v1/namespaces/{work.namespace}/serviceaccounts", {"metadata": {"name": "default"}})
    settings = {
        "namespaces": [work.namespace],
        "configmaps": {"required": []},
        "logs": {"enabled": True},
        "thresholds": {"agent_result_limit": LIMIT_SECONDS},
    }
    file = folder / "settings.yml"
    file.write_text(json.dumps(settings))
    account = ServiceAccount(plane, work, settings=file)
    account.grant()
    kubeconfig = account.kubeconfig(folder, token=account.token("exporter").text)
    with contextlib.ExitStack() as stack:
        stack.callback(account.revoke)
        run = run_monitoring(folder, kubeconfig=kubeconfig, settings=settings, webhooks=True)
        scene = Scene(work, {}, stack.enter_context(run))
        for cli in CLIS:
            log = folder / f"{cli.name}.log"
            scene.agents[cli.name] = Hung(cli, stack.enter_context(cli.container(folder / cli.name, log=log)), log)
        for agent in scene.agents.values():
            until(agent.log.exists, what="it writes")
            agent.until_said(1)
            LoggedPod(plane, work, folder, name=agent.cli.name)
        yield scene
