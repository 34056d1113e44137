"""What cannot be read of rendered manifests is named with its place, and nothing is called missing because of it."""

import gzip
import json

import pytest

from exporter.checks import UNHEALTHY, UNKNOWN
from exporter.checks.rendered import check_rendered
from exporter.config import ConfigMaps, Settings
from tests.checks.test_rendered import a_manifest, lines_of

DEEP = "a: " + "[" * 100_000
BOMB = "a0: &a0 {k: v}\n" + "".join(f"a{n + 1}: &a{n + 1} {{<<: [*a{n}, *a{n}]}}\n" for n in range(40))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: ConfigMap\nmetadata: {\n", "m.yaml:3: not YAML: "),
        ("a: b\n\tc: d\n", "m.yaml:2: not YAML: found character '\\t'"),
        ("kind: X\nvalue: {{ .Values.x }}\n", "m.yaml:2: not YAML: "),
        ("---\nkind: X\n---\n- a\n", "m.yaml:4: not a Kubernetes object but a list"),
        ("Error: chart not found\n", "m.yaml:1: not a Kubernetes object: it has no kind"),
        ("WARNING: x: y\n", "m.yaml:1: not YAML: mapping values are not allowed here"),
        ("some words\n", "m.yaml:1: not a Kubernetes object but the text 'some words'"),
        ("5\n", "m.yaml:1: not a Kubernetes object but a number"),
        ("replicas: 1\n", "m.yaml:1: not a Kubernetes object: it has no kind"),
        ("kind: X\na: &a [*a, *b]\n", "m.yaml:2: not YAML: found undefined alias 'b'"),
        ("&a\nkind: List\nitems: [*a]\n", "a list that contains itself"),
        (
            "kind: X\na: !!python/object/apply:os.system [id]\n",
            "m.yaml:2: not YAML: could not determine a constructor",
        ),
        ("kind: X\n? {a: b}\n: c\n", "m.yaml:2: not YAML: found unhashable key"),
        ("kind: X\na: \x01\n", "m.yaml:2: not YAML: special characters are not allowed"),
        ("kind: X\na: !!bool q\n", "m.yaml:2: not YAML: a value does not fit its type bool"),
        ("kind: X\na: !!int b\n", "m.yaml:2: not YAML: a value does not fit its type int"),
        (DEEP, "m.yaml: nested too deeply"),
        ("{" + '"a":{' * 100_000, "m.yaml: nested too deeply"),
        (f"kind: X\n{BOMB}", "not YAML: too many merged keys"),
        (b"kind: X\n\xff\n", "m.yaml:2: not UTF-8 text"),
        (gzip.compress(b"kind: X", mtime=0), "m.yaml: compressed by gzip; decompress it first"),
    ],
)
def test_what_cannot_be_read_is_an_unknown_with_its_place(tmp_path, text, said):
    """Then nothing is said to be missing: it may be in what could not be read."""
    (first, second), status = lines_of(tmp_path, text)
    assert status == UNKNOWN
    assert said in first.removeprefix("UNKNOWN ")
    assert second == "UNKNOWN ConfigMap agent-platform/a: not found in what could be read"


def test_json_is_named_as_json(tmp_path):
    """By the name of its file."""
    assert "UNKNOWN m.json:2: not JSON: Expecting" in lines_of(tmp_path, '{"kind":\n,}', name="m.json")[0][0]


def test_what_was_read_before_a_fault_is_judged(tmp_path):
    """One that is broken is unhealthy whatever comes after it."""
    lines, status = lines_of(tmp_path, a_manifest(data="") + "---\n{", required=("a", "b"))
    assert status == UNHEALTHY
    assert [line.split(":")[0] for line in lines] == [
        "UNKNOWN m.yaml", "UNHEALTHY ConfigMap agent-platform/a", "UNKNOWN ConfigMap agent-platform/b",
    ]  # fmt: skip


def test_a_folder_is_its_manifests(tmp_path):
    """As kubectl takes it: .yaml, .yml and .json, without the folders in it."""
    for name in ("one.yaml", "two.yml", "three.json", "notes.txt", "in/four.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(
            json.dumps({"kind": "ConfigMap", "metadata": {"name": name[:2]}, "data": {"k": "v"}})
        )
    found = check_rendered([str(tmp_path)], Settings(configmaps=ConfigMaps(required=("on", "tw", "th", "no"))))
    assert [item.status for item in found] == ["ok", "ok", "ok", "UNHEALTHY"]
    again = check_rendered(
        [f"{tmp_path}/", f"{tmp_path}//one.yaml"], Settings(configmaps=ConfigMaps(required=("on",)))
    )
    assert [item.status for item in again] == ["ok"]
    (tmp_path / "empty").mkdir()
    (found, _) = check_rendered([str(tmp_path / "empty")], Settings(configmaps=ConfigMaps(required=("a",))))
    assert found.text == "no .yaml, .yml, .json file in this folder"


def test_a_folder_that_cannot_be_read_and_an_empty_name_are_unknown(tmp_path, monkeypatch):
    """A variable of a shell that is not set must not mean the present folder."""

    def refused(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", refused)
    found = check_rendered(["", str(tmp_path)], Settings(configmaps=ConfigMaps(required=("a",))))
    assert [(item.status, item.subject, item.text) for item in found[:2]] == [
        (UNKNOWN, "--filename", "an empty name"),
        (UNKNOWN, str(tmp_path), "cannot be read: Permission denied"),
    ]


def test_a_file_that_is_not_there_is_an_unknown(tmp_path):
    """And named."""
    (found, _) = check_rendered([str(tmp_path / "x.yaml")], Settings(configmaps=ConfigMaps(required=("a",))))
    assert (found.status, found.subject, found.text) == (
        UNKNOWN, str(tmp_path / "x.yaml"), "cannot be read: No such file or directory",
    )  # fmt: skip
