"""A real Prometheus with samples that a test writes, to test what the dashboards show of deleted objects."""

import json
import pathlib
import subprocess

import yaml

from lab.components import component
from lab.monitoring.watched import Readable

__all__ = ["MINUTE", "RecordedPrometheus"]

MINUTE = 60
_JOB = {"job": "coderun-exporter", "instance": "a"}


class RecordedPrometheus(Readable):
    """It does not scrape and has no rules. `at` is the time of queries (Unix). Other times are minutes before it."""

    def __init__(self, folder: pathlib.Path, *, at: float) -> None:
        super().__init__(folder, exporter="")
        self.at = at
        self._samples: list[tuple[str, int, float]] = []

    def write(self, metric: str, value: float, since: float, until: float = 0, **labels: str) -> None:
        """One sample every 30 s, from `since` until `until` minutes ago."""
        of_exporter = {} if metric.startswith("ALERTS") else _JOB
        named = ",".join(
            f"{name}={json.dumps(text, ensure_ascii=False)}" for name, text in (of_exporter | labels).items()
        )
        first, last = (int(self.at - minutes * MINUTE) for minutes in (since, until))
        self._samples += [(f"{metric}{{{named}}}", moment, value) for moment in range(first, last + 1, 30)]

    def ago(self, minutes: float) -> float:
        """The Unix time this number of minutes ago."""
        return self.at - minutes * MINUTE

    def start(self) -> None:
        """Stores the samples in a TSDB and starts Prometheus."""
        lines = [f"{series} {value} {moment}" for series, moment, value in sorted(self._samples)]
        (self.folder / "prometheus.txt").write_text("\n".join([*lines, "# EOF", ""]), encoding="utf-8")
        command = [component("promtool"), "tsdb", "create-blocks-from", "openmetrics", "prometheus.txt", "data"]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        super().start()

    def _flags(self) -> list[str]:
        (self.folder / "config.yml").write_text(yaml.safe_dump({"global": {}}))
        return ["--storage.tsdb.path=data"]
