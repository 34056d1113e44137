"""Measures the cost of one evaluation of all shipped rules in a real Prometheus: `python -m bench.rules`.

Prometheus scrapes the exporter, which reads the stand-in API server. Each version that `make tools` has built is
measured, with `--cores` cores. The expressions and annotations are the shipped ones. The intervals are shorter:
scrapes and evaluations happen every `--interval` seconds, and `for` is one interval, so that alerts fire during the
measurement. Range functions need history, so six hours of samples, one every 30 s, are written to the storage first.

The durations are those that Prometheus reports, as `evaluationTime` of groups and rules in its API. They are
wall-clock times, which are longer on a busy machine; CPU times are not. Each version takes about five minutes.
"""

import argparse
import asyncio
import dataclasses
import functools
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any

import yaml

from bench.lives import late, quiet, stuck
from exporter.app import serve
from exporter.config import Kubernetes, Settings, Web
from lab.apiserver import StandInApiServer
from lab.components import component, find
from lab.kubeconfig import kubeconfig
from lab.measure import Subject
from lab.monitoring.bundle import ALERTS, JOB
from lab.platform.manifests import TEMPLATES, templates
from lab.processes import Process, free_ports
from lab.waiting import until
from lab.workload import crd

_VERSIONS = ("", "-2.42")
"""The suffixes of the binaries' names."""
_HISTORY_METRICS = ("coderun_job_creation_seconds_bucket", "job_duration_seconds_bucket", "jobs_finished_total")
_HISTORY = range(-6 * 3600, 0, 30)
_INTERVAL = 30.0

Load = Callable[[list[dict[str, Any]]], object]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Phase:
    """Several evaluations of all rules: seconds of each group and each rule, and CPU seconds of one evaluation."""

    groups: dict[str, list[float]]
    rules: dict[str, list[float]]
    cpu: float
    firing: int


def main() -> int:
    """Prints a table for each version."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=7700, help="CodeRuns, and as many Jobs (7700: 100,000 series)")
    parser.add_argument("--rounds", type=int, default=6, help="number of measured evaluations (default 6)")
    parser.add_argument("--interval", type=int, default=10, help="seconds between evaluations (default 10)")
    parser.add_argument(
        "--late", type=int, default=0, help="number of stalled runs, and of unfinished Jobs, that occur at once"
    )
    parser.add_argument("--cores", type=int, default=1, help="cores of Prometheus (default 1)")
    arguments = parser.parse_args()
    os.environ["GOMAXPROCS"] = str(arguments.cores)
    for suffix in [suffix for suffix in _VERSIONS if find(f"prometheus{suffix}")] or _VERSIONS:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            asyncio.run(_bench(arguments, pathlib.Path(folder), suffix))
    return 0


async def _bench(arguments: argparse.Namespace, folder: pathlib.Path, suffix: str) -> None:
    server = StandInApiServer()
    server.load([crd(), *map(templates, TEMPLATES), *quiet(arguments.objects)])
    file = folder / "kubeconfig"
    file.write_text(kubeconfig(await server.start()))
    address = f"127.0.0.1:{free_ports(1)[0]}"
    settings = Settings(kubernetes=Kubernetes(kubeconfig=str(file)), web=Web(listen_addresses=(address,)))
    loop = asyncio.get_running_loop()

    def load(objects: Iterable[dict[str, Any]]) -> None:
        loop.call_soon_threadsafe(functools.partial(server.load, objects))

    try:
        async with serve(settings):
            await asyncio.to_thread(_measure, arguments, folder, suffix, address, load)
    finally:
        await server.stop()


def _measure(arguments: argparse.Namespace, folder: pathlib.Path, suffix: str, address: str, load: Load) -> None:
    until(lambda: _read(f"http://{address}/readyz"), what="the exporter has read everything")
    _write_history(folder, f"promtool{suffix}", address)
    prometheus = Prometheus(folder, f"prometheus{suffix}", address, arguments)
    try:
        scrapes = prometheus.idle_cpu()
        prometheus.load_rules()
        calm = prometheus.phase()
        load(list(late(arguments.objects, arguments.late) if arguments.late else stuck(arguments.objects)))
        until(lambda: prometheus.firing() > calm.firing + 2 * arguments.late, what="alerts fire", seconds=180)
        prometheus.settle()
        alarm = prometheus.phase()
        series = prometheus.count(f'{{job="{JOB}"}}')
        words = f"prometheus{suffix} on {arguments.cores} core{'s' if arguments.cores > 1 else ''}, {series:,} series"
        _print(words, scrapes=scrapes, calm=calm, alarm=alarm)
    finally:
        prometheus.stop()


class Prometheus:
    """A Prometheus process that scrapes the exporter at `address`. It has no rules before `load_rules`."""

    def __init__(self, folder: pathlib.Path, binary: str, address: str, arguments: argparse.Namespace) -> None:
        self._folder, self._address = folder, address
        self._interval, self._rounds = arguments.interval, arguments.rounds
        own = f"127.0.0.1:{free_ports(1)[0]}"
        self._url = f"http://{own}"
        self._configure(rules=[])
        flags = ["--config.file=config.yml", "--storage.tsdb.path=data", f"--web.listen-address={own}"]
        self._process = Process(component(binary), *flags, folder=folder, log=folder / "prometheus.log")
        self._subject = Subject(pid=self._process.pid, host=own)
        until(
            lambda: self.count(f'{{job="{JOB}"}}'), what="a scrape", otherwise=self._process.last_output, seconds=90
        )

    def stop(self) -> None:
        """Ends the process."""
        self._process.stop()

    def count(self, selector: str) -> int:
        """The current number of series."""
        found = self._get("query", query=f"count({selector})")["result"]
        return int(found[0]["value"][1]) if found else 0

    def firing(self) -> int:
        """The number of firing alerts."""
        return self.count('ALERTS{alertstate="firing"}')

    def idle_cpu(self) -> float:
        """The CPU seconds of one interval without rules, which is the cost of a scrape."""
        self.settle()
        before = self._subject.cpu_seconds()
        time.sleep(self._rounds * self._interval)
        used: float = (self._subject.cpu_seconds() - before) / self._rounds
        return used

    def load_rules(self) -> None:
        """Loads the shipped rules with shorter intervals."""
        pace, files = f"{self._interval}s", []
        for file in sorted((ALERTS / "rules").glob("*.yml")):
            tree = yaml.safe_load(file.read_text())
            for group in tree["groups"]:
                group["interval"] = pace
                for rule in group["rules"]:
                    rule.update({"for": pace} if "for" in rule else {})
            files.append(self._folder / file.name)
            files[-1].write_text(yaml.safe_dump(tree))
        self._configure(rules=files)
        self._process.signal(signal.SIGHUP)
        until(lambda: self._get("rules")["groups"], what="Prometheus has loaded the rules")
        self.settle()

    def settle(self) -> None:
        """Waits for three evaluations, which are not measured: the first one is slower, and alerts begin to fire."""
        time.sleep(3 * self._interval)

    def phase(self) -> Phase:
        """Measures the requested number of evaluations of every group."""
        groups: dict[str, dict[str, float]] = {}
        rules: dict[str, dict[str, float]] = {}
        cpu = self._subject.cpu_seconds()
        while not groups or min(map(len, groups.values())) < self._rounds:
            time.sleep(self._interval)
            for group in self._get("rules")["groups"]:
                at = group["lastEvaluation"]
                groups.setdefault(group["name"], {})[at] = group["evaluationTime"]
                for rule in group["rules"]:
                    rules.setdefault(rule["name"], {})[at] = rule["evaluationTime"]
        rounds = statistics.mean(map(len, groups.values()))  # an evaluation may take longer than the interval
        return Phase(
            groups={name: list(times.values()) for name, times in groups.items()},
            rules={name: list(times.values()) for name, times in rules.items()},
            cpu=(self._subject.cpu_seconds() - cpu) / rounds,
            firing=self.firing(),
        )

    def _configure(self, *, rules: list[pathlib.Path]) -> None:
        targets = [{"targets": [self._address]}]
        config = {
            "global": {"scrape_interval": f"{self._interval}s", "evaluation_interval": f"{self._interval}s"},
            "rule_files": [str(file) for file in rules],
            "scrape_configs": [{"job_name": JOB, "honor_labels": True, "static_configs": targets}],
        }
        (self._folder / "config.yml").write_text(yaml.safe_dump(config))

    def _get(self, path: str, **query: str) -> Any:
        return json.loads(_read(f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(query)}"))["data"]


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - loopback
        body: bytes = answer.read()
        return body


def _write_history(folder: pathlib.Path, promtool: str, address: str) -> None:
    """Writes six hours of the exporter's counters and histograms as blocks of Prometheus' storage."""
    exposition = _read(f"http://{address}/metrics").decode()
    found = re.findall(rf"^((?:{'|'.join(_HISTORY_METRICS)}){{.*)}} \S+$", exposition, re.MULTILINE)
    now = int(time.time())
    file = folder / "history.txt"
    with file.open("w") as out:
        for series in found:
            # Counters of failures do not increase, so that no alert fires at first.
            rises = 'result="failed"' not in series
            name = f'{series},instance="{address}",job="{JOB}"}}'
            out.writelines(f"{name} {rises * count} {now + at}\n" for count, at in enumerate(_HISTORY))
        out.write("# EOF\n")
    argv = [str(component(promtool)), "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
    argv += [str(file), str(folder / "data")]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def _print(words: str, *, scrapes: float, calm: Phase, alarm: Phase) -> None:
    print(f"\n{words}; milliseconds: median; maximum of all evaluations. Share: maximum / interval of 30 s\n")
    print(f"| | {calm.firing} alerts firing | {alarm.firing} alerts firing | share |\n|---|---|---|---|")
    for name in sorted(calm.groups):
        share = max(alarm.groups[name]) / _INTERVAL
        print(f"| group `{name}` | {_times(calm.groups[name])} | {_times(alarm.groups[name])} | {share:.1%} |")
    sums = [_times([sum(times) for times in zip(*phase.groups.values(), strict=False)]) for phase in (calm, alarm)]
    print(f"| **all groups** | **{sums[0]}** | **{sums[1]}** | |")
    cpu = [(phase.cpu - scrapes) * 1e3 for phase in (calm, alarm)]
    share = (alarm.cpu - scrapes) / _INTERVAL
    print(
        f"| CPU of a round, besides {scrapes * 1e3:.0f} for its scrape | {cpu[0]:.0f} | {cpu[1]:.0f} | {share:.1%} |"
    )
    dearest = sorted(alarm.rules, key=lambda name: -statistics.median(alarm.rules[name]))
    for name in dearest[:6]:
        print(f"| rule `{name}` | {_times(calm.rules[name])} | {_times(alarm.rules[name])} | |")


def _times(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:.0f}; {max(seconds) * 1e3:.0f}"


if __name__ == "__main__":
    sys.exit(main())
