"""Each fault of the table on a real control plane: alert, `explain` and API name the same cause and evidence.

kube-apiserver, the controllers of Kubernetes and kwok make the states; see `table.py`. All faults are made at once.
"""

import re
import uuid
from collections.abc import Iterator

import pytest

from exporter.diagnosis import CAUSES
from exporter.diagnosis.cause import Cause
from lab.controlplane.plane import ControlPlane
from lab.waiting import until
from tests.integration.causes.row import Row
from tests.integration.causes.scene import Scene, a_scene
from tests.integration.causes.table import FAULTS, HARMLESS, ROWS

pytestmark = [pytest.mark.needs("prometheus", "alertmanager"), pytest.mark.timeout(180)]

_RECEIVERS = {"critical": "pager", "warning": "chat"}
_UNFIT = "unschedulable"
_HOLDERS = (
    r"pod run-over-job-\w+ of CodeRun run-over, which is Succeeded, still runs; "
    r"pod sidecar-job-\w+ of CodeRun sidecar, whose agent has ended, still runs"
)
_OUT_OF_MEMORY = ("oom", "oom-loop")
_NO_LIMIT = "; it has no memory limit: the node was full"
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


@pytest.fixture(scope="module")
def scene(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One for all rows: they take their seconds together."""
    folder = tmp_path_factory.mktemp("causes")
    with a_scene(control_plane, mark=uuid.uuid4().hex[:6], folder=folder) as made:
        yield made


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row.name)
def test_the_alert_is_delivered_with_the_cause(scene: Scene, row: Row) -> None:
    """To the receiver of its severity, with a command, and with the words of the API unless the row has others.

    The API adds the node of the pod, which is in no label.
    """
    told = scene.told(row)
    if not row.told:
        cause, evidence = scene.api(row).first
        label = Cause.of(cause, evidence.removesuffix(f"; on node {row.node}"))
        assert f"{label.cause} ({label.detail})" in told.annotations["summary"]
    assert "; on node " not in told.annotations["summary"]
    assert told.receiver == _RECEIVERS[row.alert.severity]
    assert f"Runbook: runbooks/{row.alert.name}.md" in told.annotations["description"]
    assert "\nNext:\nkubectl " in told.annotations["description"]


def until_found(scene: Scene, row: Row) -> None:
    """Waits until the running exporter finds the cause: the garbage collector, for one, acts seconds later."""

    def is_found() -> bool:
        cause, evidence = scene.api(row).first
        return cause == row.cause and row.evidence in evidence

    until(is_found, what=f"{row.name}: {row.cause}", seconds=60, otherwise=lambda: scene.api(row).findings)


@each_row
def test_explain_and_the_api_name_the_same_cause(scene: Scene, row: Row) -> None:
    """Live from the cluster, from the running exporter, and by the API: all findings, their order, and who acts."""
    until_found(scene, row)
    api, live, remote = scene.api(row), scene.live(row), scene.remote(row)
    assert api.first[1].partition("; on node ")[2] == row.node
    assert api.findings == live.findings == remote.findings
    assert {one.run["state"] for one in (api, live, remote)} == {api.run["state"]}
    for one in (live, remote):
        assert one.code == {"ok": 0, "fault": 1}[one.run["verdict"]]


@each_row
def test_the_first_lines_of_explain_have_the_cause(scene: Scene, row: Row) -> None:
    """With a remark if the state is normal for a while, or is no fault."""
    until_found(scene, row)
    lines = scene.text(row).splitlines()
    assert lines[0] == f"Name:        {row.target}"
    cause = next(number for number, line in enumerate(lines) if line.startswith("Cause:"))
    if not row.cause:
        assert lines[cause] == "Cause:       none: no fault found"
        return
    info = CAUSES[row.cause]
    remarks = {" (not a fault)"} if not info.fault else {"", " (not a fault yet)"} if info.grace else {""}
    assert lines[cause].removeprefix(f"Cause:       {row.cause}") in remarks
    assert lines[cause + 1] == f"  Evidence:  {scene.api(row).first[1]}"


def test_a_dump_names_the_same_causes_and_each_is_a_fault_after_a_while(scene: Scene) -> None:
    """`explain --filename`, twenty minutes later: no state is normal for as long. The harmless ones still are."""
    for row in ROWS:
        until_found(scene, row)
    dumped = scene.of_dump(minutes=20)
    found = {row.name: dumped[scene.namespace(row), row.target] for row in ROWS}
    firsts = {name: one.first for name, one in found.items()}
    expected = {row.name: scene.api(row).first for row in ROWS}
    # Only a dump has all pods of the namespace, so that it also names those that hold the CPU.
    cause, evidence = firsts.pop(_UNFIT)
    live_cause, live_evidence = expected.pop(_UNFIT)
    assert (cause, evidence.partition("; ")[0]) == (live_cause, live_evidence.removesuffix("."))
    assert re.fullmatch(_HOLDERS, evidence.partition("; ")[2])
    # Only a dump has the memory limit of a container.
    for name in _OUT_OF_MEMORY:
        live_cause, live_evidence = expected[name]
        expected[name] = (live_cause, live_evidence + _NO_LIMIT)
    assert firsts == expected
    verdicts = {row.name: "fault" if row in FAULTS else "ok" for row in ROWS}
    assert {name: one.run["verdict"] for name, one in found.items()} == verdicts
    assert all(one.run["findings"][0]["fault"] for name, one in found.items() if verdicts[name] == "fault")


@pytest.mark.parametrize("row", HARMLESS, ids=lambda row: row.name)
def test_nothing_is_said_of_what_works(scene: Scene, row: Row) -> None:
    """While the alerts about all others have been delivered."""
    for other in FAULTS:
        scene.told(other)
    names = {row.name, f"{row.name}-job"}
    heard = [one for one in scene.monitoring.webhook.all() if one.labels.get("namespace") == scene.namespace(row)]
    assert not [one for one in heard if names & {one.labels.get("coderun"), one.labels.get("job_name")}]
    assert scene.api(row).run["verdict"] == scene.live(row).run["verdict"] == "ok"
