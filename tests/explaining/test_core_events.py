"""Events of both API groups in a dump."""

import json

import pytest

from exporter.explaining import objects
from tests.commands.in_process import call
from tests.explaining.objects import NS, PENDING, a_dump

NEW_EVENT = PENDING[3]
CORE_EVENT = {
    **{key: NEW_EVENT[key] for key in ("kind", "metadata", "type", "reason")},
    "apiVersion": "v1",
    "involvedObject": NEW_EVENT["regarding"],
    "message": NEW_EVENT["note"],
    "lastTimestamp": NEW_EVENT["deprecatedLastTimestamp"],
    "count": 14,
}


def explain_with(folder, event):
    """The JSON that explains the run if the dump has this Event."""
    dump = a_dump(folder, [*PENDING[:3], event])
    return json.loads(call("explain", f"{NS}/r", "-f", dump, "-o", "json")[1])


@pytest.mark.parametrize(("event", "count"), [(NEW_EVENT, 1), (CORE_EVENT, 14)])
def test_an_event_of_either_group_is_read(tmp_path, monkeypatch, event, count):
    """It is decoded to a record only, because most objects of a dump are Events."""
    monkeypatch.setattr(objects, "_tree", None)
    (found,) = explain_with(tmp_path, event)["events"]
    assert (found["reason"], found["note"], found["count"]) == (NEW_EVENT["reason"], NEW_EVENT["note"], count)
    assert found["object"] == "pod/p"


@pytest.mark.parametrize("event", [NEW_EVENT, CORE_EVENT])
@pytest.mark.parametrize(
    "wrong", [{"count": "x", "deprecatedCount": []}, {"series": 7}, {"eventTime": "now"}, {"source": [[]] * 9}]
)
def test_a_field_of_a_wrong_type_does_not_hide_an_event(tmp_path, event, wrong):
    """The other fields are read."""
    assert explain_with(tmp_path, event | wrong)["findings"][0]["cause"] == "pod_configmap_missing"


@pytest.mark.parametrize("event", [NEW_EVENT, CORE_EVENT])
def test_normal_events_are_left_out(tmp_path, event):
    """The exporter does not read them either."""
    assert explain_with(tmp_path, event | {"type": "Normal"}).get("events", []) == []
