"""The cluster with all faults, who watches it, and what each says of a run."""

import contextlib
import functools
import json
import pathlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.monitoring.webhook import Notification
from lab.waiting import until
from tests.commands.in_process import call
from tests.integration.causes.controller import REQUIRED
from tests.integration.causes.refusals import CLUSTER_WIDE
from tests.integration.causes.row import Row
from tests.integration.causes.row_run import RowRun
from tests.integration.causes.table import PLATFORM, ROWS, SPACES
from tests.integration.monitoring import Monitoring, run_monitoring

__all__ = ["Answer", "Scene", "a_scene"]

_SECONDS = 60.0
_KINDS = ("apis/agents.platform/v1/coderuns", "apis/batch/v1/jobs", "api/v1/pods", "api/v1/events")


class Answer(NamedTuple):
    """An exit code and an explanation."""

    code: int
    run: dict[str, Any]

    @property
    def findings(self) -> list[tuple[str, ...]]:
        """Cause, evidence, who acts and the next command of each."""
        return [tuple(one[key] for key in ("cause", "evidence", "act", "next")) for one in self.run["findings"]]

    @property
    def first(self) -> tuple[str, str]:
        """The first cause and its evidence; empty if there is none."""
        return self.findings[0][:2] if self.findings else ("", "")


class Scene:
    """The namespaces of all rows; their names end with `mark`. `monitoring` runs once the faults are made."""

    def __init__(self, plane: ControlPlane, *, mark: str, folder: pathlib.Path) -> None:
        self.plane = plane
        self.monitoring: Monitoring
        self._mark = mark
        self._folder = folder
        self._spaces = {space: f"{space}-{mark}" for space in SPACES}
        self._settings = folder / "exporter" / "exporter.yml"

    def namespace(self, row: Row) -> str:
        """The namespace of a row."""
        return self._spaces[row.space]

    def make(self) -> None:
        """Makes all faults, several at a time."""
        places = {space: PlatformNamespace(self.plane, name) for space, name in self._spaces.items()}
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(PlatformNamespace.open, places.values()))
            list(pool.map(lambda row: row.make(RowRun(self.plane, places[row.space], row.name)), ROWS))

    def settings(self) -> dict[str, Any]:
        """Those of the exporter, with short thresholds."""
        return {
            "namespaces": [*self._spaces.values()],
            "configmaps": {"namespace": self._spaces[PLATFORM], "required": REQUIRED},
            "thresholds": {"job_creation_deadline": "2s", "job_max_runtime": "1h"},
        }

    def told(self, row: Row) -> Notification:
        """The delivered alert whose summary has the words of the row."""
        labels = {"severity": row.alert.severity, "namespace": self.namespace(row), **row.labels}
        heard = functools.partial(self.monitoring.webhook.heard, row.alert.name, status="firing", **labels)
        return until(
            lambda: next(
                (one for one in heard() if all(word in one.annotations["summary"] for word in row.words)), None
            ),
            what=f"{row.alert.name} of {row.name} says {row.words}",
            seconds=_SECONDS,
            otherwise=lambda: [one.annotations["summary"] for one in heard()] or self.monitoring.webhook.all(),
        )

    def api(self, row: Row) -> Answer:
        """What the API of the running exporter says, without the command line."""
        got = self.monitoring.exporter.get(
            f"/api/v1/runs/{self.namespace(row)}/{row.target}", accept="application/json"
        )
        assert got.status == 200, got.text
        return Answer(0, json.loads(got.text))

    def live(self, row: Row) -> Answer:
        """What `explain` says of the cluster."""
        return _answer(*self._explain(*self._cluster(row), "-o", "json"))

    def remote(self, row: Row) -> Answer:
        """What `explain --from` says."""
        name = f"{self.namespace(row)}/{row.target}"
        return _answer(*self._explain(name, f"--from={self.monitoring.exporter.url}", "-o", "json"))

    def text(self, row: Row) -> str:
        """What `explain` prints."""
        return self._explain(*self._cluster(row))[1]

    def of_dump(self, *, minutes: int) -> dict[tuple[str, str], Answer]:
        """What `explain --filename` says of every run, as if so much time had passed: by namespace and name."""
        dump = self._folder / "dump.json"
        dump.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [*self._objects()]}))
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60 * minutes))
        code, text = self._explain(
            f"--filename={dump}", f"--config.file={self._settings}", f"--at={at}", "--all", "-o", "json"
        )
        return {(run["namespace"], run["name"]): Answer(code, run) for run in json.loads(text)["items"]}

    def _objects(self) -> Iterator[dict[str, Any]]:
        for path in (*_KINDS, f"api/v1/namespaces/{self._spaces[PLATFORM]}/configmaps"):
            _, listed = self.plane.request("GET", f"/{path}")
            kind = listed["kind"].removesuffix("List")
            for item in listed["items"]:
                if item["metadata"]["namespace"].endswith(self._mark):
                    yield {"apiVersion": listed["apiVersion"], "kind": kind} | item

    def _cluster(self, row: Row) -> list[str]:
        flags = [f"--kubeconfig={self.plane.admin_kubeconfig}", f"--config.file={self._settings}"]
        return [row.target, "-n", self.namespace(row), *flags]

    def _explain(self, *words: str) -> tuple[int, str]:
        code, out, err = call("explain", *words)
        assert not err, err
        return code, out


@contextlib.contextmanager
def a_scene(plane: ControlPlane, *, mark: str, folder: pathlib.Path) -> Iterator[Scene]:
    """All faults are made when it begins."""
    scene = Scene(plane, mark=mark, folder=folder)
    try:
        scene.make()
        kubeconfig = pathlib.Path(plane.admin_kubeconfig)
        with run_monitoring(folder, kubeconfig=kubeconfig, settings=scene.settings(), webhooks=True) as monitoring:
            scene.monitoring = monitoring
            yield scene
    finally:
        for path in CLUSTER_WIDE:
            plane.request("DELETE", path)


def _answer(code: int, text: str) -> Answer:
    return Answer(code, json.loads(text))
