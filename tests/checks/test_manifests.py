"""Rendered manifests that cannot be read: the finding has file and line, and ConfigMaps are UNKNOWN, not missing."""

import gzip
import json

import pytest

from exporter.checks import UNHEALTHY, UNKNOWN
from exporter.checks.rendered import check_rendered
from exporter.config import ConfigMaps, Settings
from tests.checks.test_rendered import a_manifest, lines_of

DEEP = "a: " + "[" * 100_000
ALIASES = "a0: &a0 [x, x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(60))
CONFIGMAP = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\ndata: {k: v}\n"
BOMB = "a0: &a0 {k: v}\n" + "".join(f"a{n + 1}: &a{n + 1} {{<<: [*a{n}, *a{n}]}}\n" for n in range(40))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind: ConfigMap\nmetadata: {\n", "m.yaml:3: not YAML: "),
        ("a: b\n\tc: d\n", "m.yaml:2: not YAML: found character '\\t'"),
        ("kind: X\nvalue: {{ .Values.x }}\n", "m.yaml:2: not YAML: "),
        ("---\n{kind: X, apiVersion: v1}\n---\n- a\n", "m.yaml:4: expected a Kubernetes object, found a list"),
        ("Error: chart not found\n", "m.yaml:1: not a Kubernetes object: it has no kind"),
        ("WARNING: x: y\n", "m.yaml:1: not YAML: mapping values are not allowed here"),
        ("some words\n", "m.yaml:1: expected a Kubernetes object, found the text 'some words'"),
        ("5\n", "m.yaml:1: expected a Kubernetes object, found a number"),
        ("replicas: 1\n", "m.yaml:1: not a Kubernetes object: it has no kind"),
        ("kind: X\na: &a [*a, *b]\n", "m.yaml:2: not YAML: found undefined alias 'b'"),
        ("&a\nkind: List\napiVersion: v1\nitems: [*a]\n", "a list that contains itself"),
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
def test_text_that_cannot_be_read_is_unknown_and_the_finding_has_its_line(tmp_path, text, expected):
    """A ConfigMap is not reported as missing then: it may be in the text that could not be read."""
    (first, second), status = lines_of(tmp_path, text)
    assert status == UNKNOWN
    assert expected in first.removeprefix("UNKNOWN ")
    assert second == "UNKNOWN ConfigMap agent-platform/a: not found in the documents that could be read"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"kind": "ConfigMapList", "apiVersion": "v1", "items": 5}', "1: items must be a list, not a number"),
        ("kind: List\napiVersion: v1\nitems: {a: b}\n", "1: items must be a list, not a mapping"),
        ("kind: XList\napiVersion: x/v1\nitems: ''\n", "1: items must be a list, not the text ''"),
        (f"{CONFIGMAP}items: true\n", "1: items must be a list, not true"),
        (f"---\n{CONFIGMAP}---\n[]\n", "7: expected a Kubernetes object, found a list"),
        ("kind: List\napiVersion: v1\nitems: [null]\n", "1 items[0]: expected a Kubernetes object, found null"),
        (
            "{kind: List, apiVersion: v1, items: [\n{kind: List, apiVersion: v1, items: [[], 5]}]}",
            "2 items[0] items[0]: expected a Kubernetes object, found a list",
        ),
        (
            "kind: List\napiVersion: v1\nitems:\n- {kind: X, metadata: {name: a}}\n",
            "4 items[0]: not a Kubernetes object: it has no apiVersion",
        ),
        ("kind: ConfigMapList\nitems: []\n", "1: not a Kubernetes object: it has no apiVersion"),
        ("kind: ConfigMap\nmetadata: {name: a}\n", "1: not a Kubernetes object: it has no apiVersion"),
        ("kind:\napiVersion: v1\n", "1: not a Kubernetes object: it has no kind"),
        ("kind: {a: b}\napiVersion: v1\n", "1: kind must be text, not a mapping"),
        ("kind: false\napiVersion: v1\n", "1: kind must be text, not false"),
        ("kind: ConfigMap\napiVersion: [v1]\n", "1: apiVersion must be text, not a list"),
        ("kind: ConfigMap\napiVersion: 1\n", "1: apiVersion must be text, not a number"),
        (f"{ALIASES}kind: ConfigMap\napiVersion: *a60\n", "1: apiVersion must be text, not a list"),
        (f"{ALIASES}apiVersion: v1\nkind: *a60\n", "1: kind must be text, not a list"),
        (f"{ALIASES}apiVersion: v1\nkind: X\nmetadata: *a60\n", "1: metadata must be a mapping, not a list"),
        (f"kind: X\n{CONFIGMAP}", "1: the key kind is defined twice"),
        (f"apiVersion: x/v1\n{CONFIGMAP}", "1: the key apiVersion is defined twice"),
        ("kind: X\napiVersion: v1\nmetadata: [a]\n", "1: metadata must be a mapping, not a list"),
        ("kind: X\napiVersion: v1\nmetadata: a\n", "1: metadata must be a mapping, not the text 'a'"),
        ("kind: ConfigMap\napiVersion: v1\nmetadata:\n", "1: a ConfigMap without metadata.name"),
        ("kind: ConfigMap\napiVersion: v1\nmetadata: {name: ''}\n", "1: a ConfigMap without metadata.name"),
        (
            "kind: ConfigMap\napiVersion: v1\nmetadata: {name: 5}\n",
            "1: metadata.name of a ConfigMap is not text: put it into quotes",
        ),
        (
            "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a, namespace: [b]}\n",
            "1: metadata.namespace of a ConfigMap is not text: put it into quotes",
        ),
        ("kind: X\napiVersion: v1\n".encode("utf-16"), "1: not UTF-8 text"),
        (b"\x7fELF\x02\x01\x00\x00", "1: not YAML: special characters are not allowed"),
        (b"\x89PNG\r\n\x1a\n", "1: not UTF-8 text"),
        ("kind: X\napiVersion: v1\na: b\x00\n", "3: not YAML: special characters are not allowed"),
        ('{"kind": "ConfigMap", "apiVersion": "v1"', "1: not YAML: "),
        ('{"kind": "X", "apiVersion": "v1"} {"kind"', "1: not YAML: "),
        ("true\n", "1: expected a Kubernetes object, found true"),
        ("<html><body>502</body></html>\n", "1: expected a Kubernetes object, found the text '<html>"),
    ],
)
def test_a_malformed_document_is_unknown_and_has_its_line(tmp_path, text, expected):
    """One line names the field. YAML aliases are not expanded, so that they need no more memory than the text."""
    lines, status = lines_of(tmp_path, text)
    assert lines[0].startswith(f"UNKNOWN m.yaml:{expected}")
    assert status == UNKNOWN


def test_lists_in_several_documents_are_no_loop(tmp_path):
    """The ids of Python objects are reused: a new list may have the id of one that was read before."""
    one = "---\nkind: ConfigMapList\napiVersion: v1\nitems:\n- {metadata: {name: a%d}, data: {k: v}}\n"
    lines, _ = lines_of(tmp_path, "".join(one % number for number in range(100)), required=("a*",))
    assert len(lines) == 100


def test_a_json_file_is_parsed_as_json(tmp_path):
    """The extension of the file decides."""
    assert "UNKNOWN m.json:2: not JSON: Expecting" in lines_of(tmp_path, '{"kind":\n,}', name="m.json")[0][0]


def test_objects_before_a_syntax_error_are_checked(tmp_path):
    """An empty ConfigMap is unhealthy, even if a later document cannot be read."""
    lines, status = lines_of(tmp_path, a_manifest(data="") + "---\n{", required=("a", "b"))
    assert status == UNHEALTHY
    assert [line.split(":")[0] for line in lines] == [
        "UNKNOWN m.yaml", "UNHEALTHY ConfigMap agent-platform/a", "UNKNOWN ConfigMap agent-platform/b",
    ]  # fmt: skip


def test_a_folder_means_the_manifests_in_it(tmp_path):
    """It has the files with .yaml, .yml and .json, as in kubectl. Subfolders are left out."""
    for name in ("one.yaml", "two.yml", "three.json", "notes.txt", "in/four.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(
            json.dumps({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name[:2]}, "data": {"k": "v"}})
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
    """An empty name may be an unset variable of a shell. It must not mean the current folder."""

    def refused(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", refused)
    found = check_rendered(["", str(tmp_path)], Settings(configmaps=ConfigMaps(required=("a",))))
    assert [(item.status, item.subject, item.text) for item in found[:2]] == [
        (UNKNOWN, "--filename", "an empty name"),
        (UNKNOWN, str(tmp_path), "cannot be read: Permission denied"),
    ]


def test_a_file_that_is_not_there_is_an_unknown(tmp_path):
    """The finding names the file."""
    (found, _) = check_rendered([str(tmp_path / "x.yaml")], Settings(configmaps=ConfigMaps(required=("a",))))
    assert (found.status, found.subject, found.text) == (
        UNKNOWN, str(tmp_path / "x.yaml"), "cannot be read: No such file or directory",
    )  # fmt: skip
