"""500 objects that are malformed in 500 ways, and what only a broken server sends."""

import json
import re

from exporter.cache import Thresholds
from exporter.config import Settings
from exporter.kube.errors import KubeError
from exporter.reflector.watching import _change
from tests.malformed import GOOD_SPEC, GOOD_STATUS, WRONG_AT, broken_lines, malformed
from tests.objects import CREATED, stamp
from tests.property.pictures import Parts, apply
from tests.worlds import World, parsed

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
    """A run as the API server gives it back."""
    meta = run["metadata"] | {"uid": f"uid-{number}", "creationTimestamp": stamp(CREATED + number)}
    return run | {"metadata": meta}


def _wrong_at(run, path):
    """Whether a field of a run, or what it is in, was made wrong."""
    return any(f"{path}.".startswith(f"{wrong}.") for wrong in run["metadata"]["annotations"][WRONG_AT].split(" "))


def test_500_runs_are_malformed_in_500_ways():
    """No two of them alike, the same at every call, and JSON."""
    runs = malformed()
    assert len({json.dumps([run["spec"], run["status"], run["metadata"]["annotations"]]) for run in runs}) == 500
    assert json.dumps(runs) == json.dumps(malformed())
    assert json.dumps(malformed(50)) == json.dumps(runs[:50])
    assert len({run["metadata"]["annotations"][WRONG_AT] for run in runs}) >= 16
    assert len({run["metadata"]["annotations"][WRONG_AT] for run in malformed(1_000)}) > 200


def test_their_metadata_is_what_an_api_server_takes():
    """Names are DNS labels; annotations are text, and together no longer than 256 KiB."""
    for run in malformed(1_000, namespace="n"):
        meta = run["metadata"]
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", meta["name"])
        assert set(meta) == {"name", "namespace", "annotations"}
        assert all(isinstance(text, str) for text in meta["annotations"].values())
        assert len(json.dumps(meta)) < 262_144


def test_all_of_them_are_shown_with_the_fields_that_were_good():
    """Each run by its name and its date, and by all that nothing is wrong with; the page parses."""
    runs = {run["metadata"]["name"]: run for run in malformed(1_000, namespace="n")}
    world = World(thresholds=Thresholds(retention=0))
    for number, run in enumerate(runs.values()):
        world.put(_stored(run, number))
    told = parsed(world.text())
    rows = {
        name: {labels["coderun"]: (labels, value) for family, labels, value in told if family == name}
        for name in {family for family, _, _ in told}
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
    """Each on its own, as every feed reads it; what can be shown of them is on a page that parses."""
    lines = broken_lines()
    assert len(lines) == len(set(lines)) > 500
    parts = Parts(Settings(), now=CREATED)
    for index, source in enumerate(parts.sources):
        parts.list(index, b'{"metadata":{},"items":null}')
        for line in lines if index < 3 else ():
            assert b"\n" not in line
            try:
                change = _change(line, source, parts.feeds[index].status)
            except KubeError:
                continue
            if change is not None and hasattr(change, "uid"):
                apply(parts.sinks[index], change.uid, getattr(change, "record", None))
    page = parts.text()
    parsed(page, openmetrics=False)
    for key in ("spec", "status", "labels", "annotations", "creationtimestamp"):
        assert f'coderun_phase{{namespace="n",coderun="broken-coderun-{key}"' in page
