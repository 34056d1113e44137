"""Checks whether the formats read the logs of running agents: the last lines of some of their containers.

Only numbers come from a log. Its text is not kept or shown.
"""

import asyncio
import itertools
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from exporter.checks.finding import HEALTHY, NOTE, CheckResult, Finding
from exporter.kube.client import KubeClient
from exporter.kube.errors import KubeError
from exporter.log_formats import Formats, LogReader, LogReport
from exporter.log_polling.container import ContainerReader
from exporter.log_polling.lines import LogLines
from exporter.log_polling.targets import Target, running_containers
from exporter.plurals import plural

__all__ = ["check_log_formats"]

_MAX_LOGS = 20
_MAX_REQUESTS = 4
_TIMEOUT_SECONDS = 10.0


class _Log(NamedTuple):
    target: Target
    report: LogReport

    @property
    def where(self) -> str:
        """The container."""
        return f"that of container {self.target.container} of pod {self.target.namespace}/{self.target.pod}"


async def check_log_formats(client: KubeClient, results: Iterable[CheckResult], formats: Formats) -> list[Finding]:
    """A note for each format with lines that are not read, or one success; none if no agent writes a log.

    `results` have the Jobs and their Pods.
    """
    requests = asyncio.Semaphore(_MAX_REQUESTS)

    async def read(target: Target) -> _Log | None:
        async with requests:
            return await _read(client, target, formats)

    read_logs = await asyncio.gather(*map(read, _targets(list(results))))
    logs = [log for log in read_logs if log is not None and log.report.last_line is not None]
    unread = sorted((log for log in logs if log.report.unread), key=lambda log: log.report.format)
    if not unread:
        return [_success(logs)] if logs else []
    groups = itertools.groupby(unread, key=lambda log: log.report.format)
    return [_note(name, list(group), len(logs)) for name, group in groups]


def _success(logs: Sequence[_Log]) -> Finding:
    """Text may be that of scripts before the agent starts."""
    others = [log for log in logs if not log.report.format]
    text = f"known in {len(logs) - len(others)} of {plural(len(logs), 'log')} of running agents"
    if others:
        text += f"; text of no format in the others, such as {others[0].where}"
    return Finding(status=HEALTHY, subject="log formats", text=text)


def _note(name: str, logs: Sequence[_Log], number: int) -> Finding:
    """`number` is that of all logs that were read."""
    if name:
        lines = plural(sum(log.report.unread for log in logs), "JSON line")
        some = f"{len(logs)} of {plural(number, 'log')} (such as {logs[0].where})"
        text = f"format {name} does not have {lines} in {some}: the CLI may be newer"
    else:
        some = f"{len(logs)} of {plural(number, 'log')}, such as {logs[0].where}"
        text = f"no format reads {some}: add the format to logs.formats"
    return Finding(status=NOTE, subject="log formats", text=text)


def _targets(results: Sequence[CheckResult]) -> list[Target]:
    """Running containers of agents, at most 20. The agents take turns, so that each CLI is included."""
    pods = {pod.owner: pod for result in results for pod in result.pods}
    jobs = [job for result in results for job in result.jobs]
    by_agent: dict[str, list[Target]] = {}
    for job in jobs:
        pod = job.pod or pods.get(job.uid)
        if pod is not None:
            by_agent.setdefault(job.agent, []).extend(running_containers(job, [pod], job.cli))
    turns = itertools.zip_longest(*by_agent.values())
    return [target for turn in turns for target in turn if target is not None][:_MAX_LOGS]


async def _read(client: KubeClient, target: Target, formats: Formats) -> _Log | None:
    """The report of the last lines; None if they cannot be read."""
    now = time.time()
    one = ContainerReader(target, LogReader(formats, expected=target.cli))
    with client.budget.share(target.path) as share:
        lines = LogLines(share)
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                async for piece in client.log(target.path, one.params(now)):
                    lines.feed(piece)
        except (TimeoutError, KubeError):
            return None
        for _ in one.feed(one.select(lines.finish(is_over=False)).lines, now):
            await asyncio.sleep(0)
    return _Log(target, one.log.report)
