"""500 objects that are malformed in 500 ways, and lines that only a broken server sends."""

import json
import re

from exporter.cache import Thresholds
from exporter.config import Settings
from exporter.kube.errors import KubeError
from exporter.reflector.watching import _change
from tests.harness import StoreHarness, parse_exposition
from tests.malformed import GOOD_SPEC, GOOD_STATUS, WRONG_AT, broken_lines, malformed
from tests.objects import CREATED, stamp
from tests.property.offline import OfflineExporter, apply

_OF_INFO = {
    "agent": "spec.githubApp",
    "service": "spec.service",
    "task_id": "spec.taskId",
    "cli": "spec.cliConfig.cliType",
    "model": "spec.cliConfig.model",
    "repository": "spec.repositoryUrl",
}
_GOOD_INFO = {
    "agent": "rex",
    "service": GOOD_SPEC["service"],
    "task_id": str(GOOD_SPEC["taskId"]),
    "cli": GOOD_SPEC["cliConfig"]["cliType"],
    "model": GOOD_SPEC["cliConfig"]["model"],
    "repository": GOOD_SPEC["repositoryUrl"].removeprefix("https://"),
}


def _stored(run, number):
    """The run with the fields that the API server adds."""
    meta = run["metadata"] | {"uid": f"uid-{number}", "creationTimestamp": stamp(CREATED + number)}
    return run | {"metadata": meta}


def _wrong_at(run, path):
    """Whether this field of a run, or a parent of it, is malformed."""
    return any(f"{path}.".startswith(f"{wrong}.") for wrong in run["metadata"]["annotations"][WRONG_AT].split(" "))


def test_500_runs_are_malformed_in_500_different_ways():
    """Each call returns the same runs, and they can be written as JSON."""
    runs = malformed()
    assert len({json.dumps([run["spec"], run["status"], run["metadata"]["annotations"]]) for run in runs}) == 500
    assert json.dumps(runs) == json.dumps(malformed())
    assert json.dumps(malformed(50)) == json.dumps(runs[:50])
    assert len({run["metadata"]["annotations"][WRONG_AT] for run in runs}) >= 16
    assert len({run["metadata"]["annotations"][WRONG_AT] for run in malformed(1_000)}) > 200


def test_their_metadata_is_accepted_by_an_api_server():
    """Names are DNS labels. Annotations are strings of at most 256 KiB in total."""
    for run in malformed(1_000, namespace="n"):
        meta = run["metadata"]
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", meta["name"])
        assert set(meta) == {"name", "namespace", "annotations"}
        assert all(isinstance(text, str) for text in meta["annotations"].values())
        assert len(json.dumps(meta)) < 262_144


def test_their_valid_fields_are_exposed():
    """Each run has its name, its creation time and all its valid fields, and the exposition is valid."""
    runs = {run["metadata"]["name"]: run for run in malformed(1_000, namespace="n")}
    harness = StoreHarness(thresholds=Thresholds(retention=0))
    for number, run in enumerate(runs.values()):
        harness.put(_stored(run, number))
    found = parse_exposition(harness.text())
    rows = {
        name: {labels["coderun"]: (labels, value) for family, labels, value in found if family == name}
        for name in {family for family, _, _ in found}
    }
    assert [rows["coderun_created_timestamp"][name][1] for name in runs] == [CREATED + n for n in range(1_000)]
    for name, run in runs.items():
        info = rows["coderun_info"][name][0]
        for label, path in _OF_INFO.items():
            assert _wrong_at(run, path) or info[label] == _GOOD_INFO[label], (name, label, run)
        if not _wrong_at(run, "status.phase"):
            assert rows["coderun_phase"][name][0]["phase"] == GOOD_STATUS["phase"]
        if not _wrong_at(run, "spec.contextVersion"):
            assert rows["coderun_attempt"][name][1] == GOOD_SPEC["contextVersion"]
        assert name in rows["coderun_job_creation_deadline_seconds"]


def test_broken_lines_are_changes_or_kube_errors():
    """Every informer reads each line. The resulting exposition is valid."""
    lines = broken_lines()
    assert len(lines) == len(set(lines)) > 500
    exporter = OfflineExporter(Settings(), now=CREATED)
    for index, source in enumerate(exporter.sources):
        exporter.list(index, b'{"metadata":{},"items":null}')
        for line in lines if index < 3 else ():
            assert b"\n" not in line
            try:
                change = _change(line, source, exporter.informers[index].status)
            except KubeError:
                continue
            if change is not None and hasattr(change, "uid"):
                apply(exporter.sinks[index], change.uid, getattr(change, "record", None))
    exposition = exporter.text()
    parse_exposition(exposition, openmetrics=False)
    for key in ("spec", "status", "labels", "annotations", "creationtimestamp"):
        assert f'coderun_phase{{namespace="n",coderun="broken-coderun-{key}"' in exposition
