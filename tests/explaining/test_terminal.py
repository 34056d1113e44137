"""The output of `explain` on a terminal, also for hostile objects."""

import types

from exporter.explaining import output, paint
from tests.clusters import a_run
from tests.commands.in_process import call
from tests.explaining.objects import PENDING, a_dump, a_pod, an_event

ESCAPES = "\x1b]0;owned\x07\x1b[31mred\u202e\u0007\ud800"


def test_text_of_a_cluster_cannot_control_the_terminal(tmp_path, monkeypatch):
    """No control character of an object is printed, with colors and without."""
    run = a_run("r", status={"phase": f"Failed{ESCAPES}", "message": ESCAPES})
    pod = a_pod(f"p{ESCAPES}", state={"waiting": {"reason": f"ErrImagePull{ESCAPES}", "message": ESCAPES}})
    event = an_event(pod, ESCAPES, reason=ESCAPES)
    dump = a_dump(tmp_path, [run, *PENDING[1:2], pod, event])
    for args in ([], ["r"], ["-o", "json"], ["-o", "yaml"], ["r", "-o", "json"]):
        for color in (False, True):
            monkeypatch.setattr(output, "paint_for", lambda _, color=color: paint._color if color else paint.plain)
            _, out, _ = call("explain", "-f", dump, *args)
            for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[32m", "\x1b[31;1m"):
                out = out.replace(code, "")
            assert [char for char in out if not char.isprintable() and char != "\n"] == []


def test_malformed_objects_do_not_prevent_an_explanation(tmp_path):
    """There are wrong types, owners in a loop, long names and 500 containers. The valid run is explained."""
    bad = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": []},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": 7, "ownerReferences": {}}, "status": "x"},
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x" * 5000, "uid": "u" * 5000}, "spec": []},
        {"apiVersion": "v1", "kind": "Event", "involvedObject": [], "type": "Warning", "message": {}},
        {"apiVersion": "v1", "kind": 7},
        {"apiVersion": ["v1"], "kind": "Pod"},
        {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"namespace": {}}, "data": []},
        7,
        None,
        [],
    ]
    loop = a_pod("loop", job="loop")
    loop["metadata"]["ownerReferences"][0]["uid"] = "uid-loop"
    many = a_pod("many", state={"waiting": {"reason": "ContainerCreating"}})
    many["spec"]["containers"] = [{"name": f"c{number}"} for number in range(500)]
    code, out, err = call("explain", "-f", a_dump(tmp_path, [*bad, loop, many, *PENDING]), "r")
    assert (code, err) == (1, "")
    assert "pod_configmap_missing" in out


def test_no_color_is_respected(monkeypatch):
    """A pipe has no colors either."""
    terminal = types.SimpleNamespace(isatty=lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert paint.paint_for(terminal)("bad", "x") == "\x1b[31;1mx\x1b[0m"
    assert paint.paint_for(types.SimpleNamespace(isatty=lambda: False))("bad", "x") == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint.paint_for(terminal)("bad", "x") == "x"
