"""A real Prometheus with the shipped rules and ten minutes of history."""

import pathlib
import subprocess
import time
from typing import Any

import yaml

from lab.components import component
from lab.exporting import Exporter
from lab.monitoring.bundle import JOB, prometheus_config, write_rules
from lab.monitoring.servers import Prometheus

__all__ = ["Readable", "Watched"]


class Readable(Prometheus):
    """A Prometheus server with methods for its series and for range queries."""

    def series(self, selector: str) -> list[dict[str, str]]:
        """The label sets that match a selector."""
        found: list[dict[str, str]] = self.get("/api/v1/series", **{"match[]": selector})["data"]
        return found

    def over(self, expression: str, *, seconds: float, step: float = 1.0) -> list[dict[str, Any]]:
        """The matrix of a range query that ends now: dicts of `metric` and `values`."""
        now = time.time()
        span = {"start": f"{now - seconds:.3f}", "end": f"{now:.3f}", "step": f"{step:g}"}
        found: list[dict[str, Any]] = self.get("/api/v1/query_range", query=expression, **span)["data"]["result"]
        return found


class Watched(Readable):
    """A Prometheus that scrapes several exporters. `cluster` is a label of their targets; "" means no label.

    It has ten minutes of history for the rules that need it.
    """

    def __init__(self, folder: pathlib.Path, *, exporters: list[Exporter], cluster: str) -> None:
        super().__init__(folder, exporter=exporters[0].address)
        self._exporters, self._cluster = exporters, cluster

    def start(self) -> None:
        """Starts Prometheus with samples of the last ten minutes."""
        self._backfill()
        super().start()

    def _backfill(self) -> None:
        """Writes the current samples of two metrics with past timestamps, 30 s apart."""
        cluster_label = f',cluster="{self._cluster}"' if self._cluster else ""
        found = [
            line.replace("{", f'{{job="{JOB}",instance="{exporter.address}"{cluster_label},')
            for exporter in self._exporters
            for line in exporter.get().text.splitlines()
            if line.startswith(("coderun_exporter_resource_synced{", "job_active{"))
        ]
        now = int(time.time())
        lines = sorted(f"{line} {now - back}" for line in found for back in range(30, 600, 30))
        (self.folder / "past.txt").write_text("\n".join([*lines, "# EOF", ""]))
        command = [str(component("promtool")), "tsdb", "create-blocks-from", "openmetrics", "past.txt", "data"]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr

    def _flags(self) -> list[str]:
        flags = super()._flags()
        rules = write_rules(self.folder, waits_as_shipped=True)
        config = prometheus_config(exporter=self._exporter, alertmanager=None, rules=rules)
        (target,) = config["scrape_configs"][0]["static_configs"]
        target["targets"] = [exporter.address for exporter in self._exporters]
        if self._cluster:
            target["labels"] = target["labels"] | {"cluster": self._cluster}
        (self.folder / "config.yml").write_text(yaml.safe_dump(config))
        return flags
