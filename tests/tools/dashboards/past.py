"""A real Prometheus whose samples are written: what the dashboards show of objects that are gone."""

import json
import pathlib
import subprocess

import yaml

from lab.components import component
from lab.monitoring.watched import Readable

__all__ = ["MINUTE", "Past"]

MINUTE = 60
_JOB = {"job": "coderun-exporter", "instance": "a"}


class Past(Readable):
    """Neither scrapes nor evaluates rules. `at` is its present; times are minutes before that."""

    def __init__(self, folder: pathlib.Path, *, at: float) -> None:
        super().__init__(folder, exporter="")
        self.at = at
        self._samples: list[tuple[str, int, float]] = []

    def write(self, metric: str, value: float, since: float, until: float = 0, **labels: str) -> None:
        """One value every 30 s, from so many minutes ago until so many minutes ago."""
        of_exporter = {} if metric.startswith("ALERTS") else _JOB
        named = ",".join(
            f"{name}={json.dumps(text, ensure_ascii=False)}" for name, text in (of_exporter | labels).items()
        )
        first, last = (int(self.at - minutes * MINUTE) for minutes in (since, until))
        self._samples += [(f"{metric}{{{named}}}", moment, value) for moment in range(first, last + 1, 30)]

    def ago(self, minutes: float) -> float:
        """The time so many minutes ago."""
        return self.at - minutes * MINUTE

    def start(self) -> None:
        """With what was written."""
        lines = [f"{series} {value} {moment}" for series, moment, value in sorted(self._samples)]
        (self.folder / "past.txt").write_text("\n".join([*lines, "# EOF", ""]), encoding="utf-8")
        command = [component("promtool"), "tsdb", "create-blocks-from", "openmetrics", "past.txt", "data"]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        super().start()

    def _flags(self) -> list[str]:
        (self.folder / "config.yml").write_text(yaml.safe_dump({"global": {}}))
        return ["--storage.tsdb.path=data"]
