"""The CRD goes, and comes back as something else: https://kubernetes.io/docs/tasks/extend-kubernetes/."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab.controlplane.objects import code_run, crd
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import GROUP, PlatformNamespace
from lab.faults.proxy import Fault, FaultProxy
from lab.waiting import until
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject, samples

pytestmark = pytest.mark.timeout(180)

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OTHER_SHAPE = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {"taskId": {"type": "string"}, "contextVersion": {"type": "boolean"}},
        },
        "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
    },
}
"""A task is text, what was a number is a boolean, and the service is pruned."""
STATUS_OF_NUMBERS = {"type": "object", "properties": {"phase": {"type": "integer"}}}


class DocsRuns:
    """A second kind of run, in a group of its own so that no other test misses its CRD."""

    def __init__(self, plane: ControlPlane, platform: PlatformNamespace) -> None:
        self.group = f"{platform.namespace}.example"
        self.path = f"/apis/{self.group}/v1/namespaces/{platform.namespace}/docsruns"
        self._plane = plane
        self._platform = platform

    def define(self, **shape: Any) -> None:
        """Make the CRD, and wait until its objects are served."""
        self._platform.ask("POST", CRDS, crd(self.group, kind="DocsRun", **shape))
        until(lambda: self._plane.request("GET", self.path)[0] == 200, what="DocsRuns are served")

    def remove(self) -> None:
        """Delete the CRD, and wait until nothing is served."""
        self._plane.request("DELETE", f"{CRDS}/docsruns.{self.group}")
        until(lambda: self._plane.request("GET", self.path)[0] == 404, what="DocsRuns are gone")

    def change(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the spec of the CRD in place."""
        path = f"{CRDS}/docsruns.{self.group}"
        definition = self._platform.ask("GET", path)
        change(definition["spec"])
        self._platform.ask("PUT", path, definition)

    def touch(self, name: str) -> None:
        """Change an object, as its controller will."""
        body = {"metadata": {"annotations": {"touched": "yes"}}}
        self._platform.patch(f"{self.path}/{name}", body)

    def takes(self, name: str, **parts: Any) -> bool:
        """Whether the API server takes this object: after a change, it has the old schema for a moment."""
        body = code_run(name, group=self.group, kind="DocsRun") | parts
        return self._plane.request("POST", self.path, body)[0] == 201

    def make(self, name: str, **parts: Any) -> None:
        """One object."""
        self._platform.ask("POST", self.path, code_run(name, group=self.group, kind="DocsRun") | parts)


@pytest.fixture
def docs_runs(control_plane: ControlPlane, platform: PlatformNamespace) -> Iterator[DocsRuns]:
    """Two of them, and the right to read them."""
    runs = DocsRuns(control_plane, platform)
    runs.define()
    rule = {"apiGroups": [runs.group], "resources": ["docsruns"], "verbs": ["get", "list", "watch"]}
    platform.grant("docs", [rule])
    runs.make("one")
    runs.make("two")
    yield runs
    runs.remove()


@pytest.fixture
def settings(settings: dict[str, Any], docs_runs: DocsRuns) -> dict[str, Any]:
    """Both kinds are read."""
    main = {"group": GROUP, "version": "v1", "plural": "coderuns", "kind": "CodeRun"}
    second = {"group": docs_runs.group, "version": "v1", "plural": "docsruns", "kind": "DocsRun"}
    return settings | {"coderuns": {"kinds": [main, second]}}


@pytest.mark.fault("CRD deleted, and created again with another schema")
@pytest.mark.parametrize("seen", [True, False], ids=["seen", "unseen"])
def test_a_crd_that_comes_back_as_another_is_read_as_that(
    docs_runs: DocsRuns, proxy: FaultProxy, subject: Subject, report: Report, seen: bool
):
    """Meanwhile it is missing by name and its runs are off the page, whether or not their deletion was seen."""
    gone = threading.Event()
    with subject.enduring() as endured:
        if not seen:
            proxy.strike(Fault(kind="watch", path="docsruns", held=lambda: not gone.is_set()))
            proxy.end()
            until(lambda: proxy.struck()["docsruns"] == 1, what="nobody watches")
        docs_runs.remove()
        gone.set()
        until(lambda: subject.states()["docsruns"] == "missing", what="missing is told")
        until(lambda: not _runs(subject), what="runs of no kind are off the page")
        proxy.strike()
        docs_runs.define(schema=OTHER_SHAPE, with_status=False)
        docs_runs.make("two", spec={"taskId": "T-2", "contextVersion": True}, status={"phase": "Running"})
        endured.mended()
        until(lambda: subject.states()["docsruns"] == "watching", what="found again", seconds=60)
    report.note(endured)
    assert endured.turns_of("docsruns") == ["missing", "watching"]
    assert not endured.turns_of("coderuns")
    assert _runs(subject) == ["docsrun/two"]
    [info] = samples(subject.page(), "coderun_info", coderun="docsrun/two")
    assert 'service=""' in info
    assert 'task_id="T-2"' in info
    assert subject.value("coderun_phase", coderun="docsrun/two", phase="Running") == 1
    assert subject.value("coderun_exporter_errors_total", resource="docsruns", code="404") >= 1
    assert subject.value("coderun_exporter_malformed_objects_total", resource="docsruns") >= 1


@pytest.mark.fault("CRD changed in place: fields vanish, or change their type")
def test_a_crd_that_changes_its_schema_is_read_as_it_is_now(docs_runs: DocsRuns, subject: Subject, report: Report):
    """A value of another type is read as text, and its state is open. A pruned field goes with the next event.

    So it is with every client that watches: for the change itself, the API server sends none.
    """

    def odd(spec: dict[str, Any]) -> None:
        schema = OTHER_SHAPE | {"properties": OTHER_SHAPE["properties"] | {"status": STATUS_OF_NUMBERS}}
        spec["versions"][0] |= {"schema": {"openAPIV3Schema": schema}, "subresources": {}}

    assert 'service="cto"' in _info(subject, "one")
    with subject.enduring() as endured:
        docs_runs.change(odd)
        until(lambda: docs_runs.takes("three", spec={"taskId": "T-3"}, status={"phase": 3}), what="the new schema")
        until(lambda: "docsrun/three" in _runs(subject), what="the new object is read")
        for name in ("one", "two"):
            assert 'service="cto"' in _info(subject, name)
            docs_runs.touch(name)
        endured.mended()
    report.note(endured)
    assert set(endured.turns_of("docsruns")) <= {"unreachable", "watching"}
    assert not endured.turns_of("coderuns")
    assert 'service=""' in _info(subject, "one")
    assert 'task_id="T-3"' in _info(subject, "three")
    assert subject.value("coderun_phase", coderun="docsrun/three", phase="other") == 1
    assert subject.value("coderun_state", coderun="docsrun/three", state="open") == 1


@pytest.mark.fault("CRD stops serving the version, and serves it again")
def test_a_version_that_is_not_served_any_more_takes_no_run_along(
    docs_runs: DocsRuns, subject: Subject, report: Report
):
    """The objects still exist: the last data stays, the state is missing, and a line names the other version."""

    def serve(spec: dict[str, Any], *, old: bool) -> None:
        first = spec["versions"][0] | {"served": old}
        spec["versions"] = [first, first | {"name": "v2", "served": True, "storage": False}]

    with subject.enduring() as endured:
        docs_runs.change(lambda spec: serve(spec, old=False))
        until(lambda: subject.states()["docsruns"] == "missing", what="missing is reported", seconds=60)
        until(lambda: "served versions: v2: 404 at" in subject.start_page(), what="v2 is named", seconds=60)
        assert _runs(subject) == ["docsrun/one", "docsrun/two"]
        docs_runs.change(lambda spec: serve(spec, old=True))
        endured.mended()
        until(lambda: subject.states()["docsruns"] == "watching", what="found again", seconds=60)
    report.note(endured)
    turns = endured.turns_of("docsruns")  # while it begins to serve a version again, the server may answer 503
    assert [turn for turn in turns if turn != "unreachable"] == ["missing", "watching"]
    assert not endured.turns_of("coderuns")
    assert {tuple(_names_in(seen.page)) for seen in endured.scrapes} == {("docsrun/one", "docsrun/two")}


def _info(subject: Subject, name: str) -> str:
    (line,) = samples(subject.page(), "coderun_info", coderun=f"docsrun/{name}")
    return line


def _names_in(page: str) -> list[str]:
    lines = samples(page, "coderun_created_timestamp")
    names = (line.partition('coderun="')[2].partition('"')[0] for line in lines)
    return [name for name in names if name.startswith("docsrun/")]


def _runs(subject: Subject) -> list[str]:
    return _names_in(subject.page())
