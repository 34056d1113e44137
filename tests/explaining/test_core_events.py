"""Events of both groups in a dump."""

import json

import pytest

from exporter.explaining import objects
from tests.commands.in_process import call
from tests.explaining.objects import NS, PENDING, a_dump

NEW = PENDING[3]
CORE = {
    **{key: NEW[key] for key in ("kind", "metadata", "type", "reason")},
    "apiVersion": "v1",
    "involvedObject": NEW["regarding"],
    "message": NEW["note"],
    "lastTimestamp": NEW["deprecatedLastTimestamp"],
    "count": 14,
}


def explained(folder, event):
    """The explanation of the run with this Event."""
    dump = a_dump(folder, [*PENDING[:3], event])
    return json.loads(call("explain", f"{NS}/r", "-f", dump, "-o", "json")[1])


@pytest.mark.parametrize(("event", "count"), [(NEW, 1), (CORE, 14)])
def test_an_event_of_either_group_is_read_as_one_object(tmp_path, monkeypatch, event, count):
    """It is decoded once, and never as a tree: a dump has more Events than anything else."""
    monkeypatch.setattr(objects, "_tree", None)
    (found,) = explained(tmp_path, event)["events"]
    assert (found["reason"], found["note"], found["count"]) == (NEW["reason"], NEW["note"], count)
    assert found["object"] == "pod/p"


@pytest.mark.parametrize("event", [NEW, CORE])
@pytest.mark.parametrize(
    "wrong", [{"count": "x", "deprecatedCount": []}, {"series": 7}, {"eventTime": "now"}, {"source": [[]] * 9}]
)
def test_a_field_of_a_wrong_type_loses_no_event(tmp_path, event, wrong):
    """The others are read."""
    assert explained(tmp_path, event | wrong)["findings"][0]["cause"] == "pod_configmap_missing"


@pytest.mark.parametrize("event", [NEW, CORE])
def test_normal_events_are_left_out(tmp_path, event):
    """As the exporter does."""
    assert explained(tmp_path, event | {"type": "Normal"}).get("events", []) == []
