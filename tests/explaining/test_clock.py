"""The time of a dump is the newest one of any object in it, because a run that hangs writes nothing."""

import json
import os

import pytest
import yaml

from tests.commands.in_process import call
from tests.diagnosis.test_causes import READ, a_pod
from tests.diagnosis.test_progress import WAITS
from tests.objects import CREATED, a_run, stamp

OPEN = a_run(status={"phase": "Running", "lastUpdate": stamp(CREATED)})
LATE = CREATED + 7200


def an_object(kind="Node", version="v1", meta=None, **more):
    """An object that belongs to no run."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "o", "uid": "o", **(meta or {})}, **more}


def newest(folder, *objects, form=json.dumps):
    """The time of the dump, as its note says."""
    path = folder / "dump"
    path.write_text(form({"kind": "List", "apiVersion": "v1", "items": [OPEN, WAITS, a_pod(), READ, *objects]}))
    os.utime(path, (LATE, LATE))
    code, out, _ = call("explain", "-f", path, "-o", "json")
    (note,) = (note for note in json.loads(out)["notes"] if note.startswith("Ages are as of "))
    return code, note.split()[4].rstrip(",")


AT = stamp(LATE)
CONDITION = {"status": {"conditions": [{"type": "Ready", "lastHeartbeatTime": AT}]}}
CHANGED = {"managedFields": [{"manager": "m", "time": AT}]}
ENDED = {"status": {"containerStatuses": [{"name": "c", "state": {"terminated": {"finishedAt": AT}}}]}}


@pytest.mark.parametrize("form", [json.dumps, yaml.safe_dump])
@pytest.mark.parametrize(
    "item",
    [
        an_object(**CONDITION),
        an_object("Secret", meta=CHANGED),
        an_object("Pod", **ENDED),
        an_object("Event", lastTimestamp=AT, involvedObject={"uid": "other"}, type="Normal"),
        an_object("Lease", "coordination.k8s.io/v1", spec={"renewTime": f"{AT[:-1]}.000001Z"}),
        an_object("Certificate", "cert-manager.io/v1", meta={"creationTimestamp": AT}),
        an_object("Certificate", "cert-manager.io/v1", status={"conditions": [{"lastTransitionTime": AT}]}),
    ],
)
def test_every_object_counts(tmp_path, item, form):
    """So a Pod that has been starting for hours is a fault, although its own times are as old as itself."""
    assert newest(tmp_path, form=form) == (0, stamp(CREATED + 30))
    assert newest(tmp_path, item, form=form) == (1, AT)


@pytest.mark.parametrize(
    "item",
    [
        an_object("Pod", meta={"deletionTimestamp": AT}),
        an_object("Certificate", "cert-manager.io/v1", status={"notAfter": AT, "renewalTime": AT}),
        an_object("Backup", "example.com/v1", spec={"startTime": AT}),
        an_object("Secret", meta={"annotations": {"last": json.dumps({"creationTimestamp": AT})}}),
        an_object("Node", meta={"creationTimestamp": "2026-13-45T99:99:99Z"}),
        an_object("Node", meta={"creationTimestamp": stamp(LATE + 86_401)}),
    ],
)
def test_times_of_the_future_and_of_others_do_not_count(tmp_path, item):
    """The end of a grace period, a certificate, a plan, an object in a string, and more than a day after the file."""
    assert newest(tmp_path, item) == (0, stamp(CREATED + 30))
