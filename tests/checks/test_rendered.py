"""`check --filename`: rendered manifests are judged by the exporter's rules, before anything is applied."""

import gzip
import io
import json

import pytest

from exporter.checks import UNHEALTHY, UNKNOWN
from exporter.checks.formats import status_of
from exporter.checks.rendered import check_rendered
from exporter.config import ConfigMaps, RequiredConfigMap, Settings
from tests.commands.in_process import call, wrong

NAMES = tuple(f"controller-agent-templates-{each}" for each in ("claude", "codex", "cursor", "factory"))


def a_manifest(name="a", *, more="", data="data: {k: v}\n", meta=""):
    """A ConfigMap in YAML of six or more lines."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n{meta}{data}{more}"


def lines_of(folder, *texts, required=("a",), name="m.yaml", namespace="agent-platform"):
    """The findings about files of these texts, as lines without the folder, and their status."""
    paths = []
    for number, text in enumerate(texts):
        path = folder / f"{number or ''}{name}"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        paths.append(str(path))
    configmaps = ConfigMaps(namespace=namespace) if required is None else ConfigMaps(required=required)
    found = check_rendered(paths, Settings(configmaps=configmaps))
    return [f"{item.status} {item.subject}: {item.text}".replace(f"{folder}/", "") for item in found], status_of(
        found
    )


def text_of(folder, *texts, **more):
    """The one finding."""
    (line,), _ = lines_of(folder, *texts, **more)
    return line


HEALTHY = "ok ConfigMap agent-platform/a: 1 keys, 1 bytes (m.yaml:{})"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (a_manifest(), 1),
        (f"# rendered\n---\n# Source: x\n{a_manifest()}---\n---\n", 4),
        (f"---\nkind: Deployment\napiVersion: apps/v1\nspec: {{at: 2024-01-01, op: =}}\n---\n{a_manifest()}", 6),
        (a_manifest().replace("\n", "\r\n"), 1),
        ("\ufeff" + a_manifest(), 1),
        (a_manifest(data="binaryData: {k: dg==}\n"), 1),
        (a_manifest(meta="  namespace: agent-platform\n"), 1),
        (a_manifest(data="x: &x {k: v}\ndata:\n  <<: *x\n"), 1),
        (a_manifest(more="---\nkind: Secret\nmetadata: {name: !vault secret}\nitems: !list [1]\n"), 1),
        (
            "kind: List\napiVersion: v1\nitems:\n- {kind: ConfigMap, metadata: {name: a}, data: {k: v}}\n",
            4,
        ),
        ("kind: ConfigMapList\napiVersion: v1\nitems:\n- metadata: {name: a}\n  data: {k: v}\n", 4),
        ("{kind: ConfigMap, apiVersion: v1, metadata: {name: a}, data: {k: v}}", 1),
        ('\n{\t"kind": "ConfigMap", "apiVersion": "v1",\n\t"metadata": {"name": "a"},\n\t"data": {"k": "v"}}\n', 2),
        (
            '{"kind": "Pod"}\n{"kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}}',
            2,
        ),
        (a_manifest(data="data: {k: 2}\n").replace("2", "'2'"), 1),
    ],
)
def test_whatever_form_it_has(tmp_path, text, line):
    """Documents, lists and other kinds beside it; the namespace of the settings where it names none."""
    assert text_of(tmp_path, text) == HEALTHY.format(line)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (a_manifest(data=""), "empty"),
        (a_manifest(data="data: {}\nbinaryData:\n"), "empty"),
        (a_manifest(data="data: {k: ''}\n"), "empty"),
        (a_manifest(data="data: {k: 2}\n"), "empty; the value of key 'k' is not text: put it into quotes"),
        (a_manifest(data="data: {k: yes, l: x}\n"), "the value of key 'k' is not text: put it into quotes"),
        (
            a_manifest(data="data: {on: x, l: y}\n"),
            "True is not a key of data: keys have letters, digits, -, _ and .",
        ),
        (
            a_manifest(data="data: {a/b: x, l: y}\n"),
            "'a/b' is not a key of data: keys have letters, digits, -, _ and .",
        ),
        (a_manifest(data="data: [k]\n"), "empty; data is not a mapping"),
        (a_manifest(data="data: {k: v, k: w}\n"), "key 'k' stands twice in data"),
        (a_manifest(more="data: {k: w}\n"), "the key data stands there twice"),
        (a_manifest(more="binaryData: {k: dg==}\n"), "key 'k' is in data and in binaryData"),
        (a_manifest(data="binaryData: {k: '?'}\n"), "empty; the value of key 'k' in binaryData is not base64"),
        (a_manifest().replace("v1", "v2"), "apiVersion is 'v2' and not 'v1'"),
        (a_manifest(data=f"data: {{k: {'x' * 1048577}}}\n"), "1048577 bytes, over the limit of 1048576"),
    ],
)
def test_what_is_wrong_with_it(tmp_path, text, said):
    """By the rules of `configmap_problem`, and what the API server refuses or takes for something else."""
    assert text_of(tmp_path, text) == f"UNHEALTHY ConfigMap agent-platform/a: {said} (m.yaml:1)"


def test_keys_and_the_limit_are_those_of_the_exporter(tmp_path):
    """Missing and empty keys are unhealthy; near the limit is a note."""
    required = (RequiredConfigMap(name="a", keys=("x.sh", "y.md")),)
    assert text_of(tmp_path, a_manifest(data="data: {y.md: '', z: '1'}\n"), required=required) == (
        "UNHEALTHY ConfigMap agent-platform/a: missing key 'x.sh', empty key 'y.md' (m.yaml:1)"
    )
    assert text_of(tmp_path, a_manifest(data=f"data: {{k: {'x' * 900_000}}}\n")) == (
        "note ConfigMap agent-platform/a: 1 keys, 900000 bytes: near the limit of 1048576 bytes (m.yaml:1)"
    )


def test_one_that_is_defined_twice_is_unhealthy(tmp_path):
    """Which one is applied last is chance."""
    lines, status = lines_of(tmp_path, a_manifest(), a_manifest(data="data: {}\n"))
    assert status == UNHEALTHY
    assert lines == [
        "UNHEALTHY ConfigMap agent-platform/a: empty; defined more than once: also at m.yaml:1 (1m.yaml:1)"
    ]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", ""),
        (a_manifest("b"), ""),
        (a_manifest("abcde", meta="  namespace: other\n"), "; m.yaml:1 has this name in namespace other"),
        (
            a_manifest("abcde-5f2hk9bt4d"),
            "; m.yaml:1 has abcde-5f2hk9bt4d: kustomize adds a suffix unless disableNameSuffixHash is set",
        ),
        (a_manifest("abcdf"), "; m.yaml:1 has abcdf: is it meant?"),
        (
            a_manifest().replace("name: a", "generateName: abcde-"),
            "; m.yaml:1 has generateName abcde-, and so no fixed name",
        ),
        (a_manifest("abcde").replace("kind: ConfigMap", "kind: Secret"), ""),
        (a_manifest("abcde").replace("v1", "example.com/v1"), ""),
    ],
)
def test_one_that_is_missing_is_unhealthy(tmp_path, text, hint):
    """With what may be meant."""
    line = text_of(tmp_path, text, required=("abcde",))
    assert line == f"UNHEALTHY ConfigMap agent-platform/abcde: missing{hint}"


def test_one_of_the_default_names_makes_the_others_required(tmp_path):
    """As in a cluster."""
    lines, status = lines_of(tmp_path, a_manifest(NAMES[0]), required=None)
    assert status == UNHEALTHY
    assert lines[0].startswith(f"ok ConfigMap agent-platform/{NAMES[0]}")
    assert sum(line.endswith(": missing") for line in lines) == 5


@pytest.mark.parametrize("text", ["", "---\n", a_manifest("other")])
def test_a_gate_that_finds_none_of_the_default_names_does_not_pass(tmp_path, text):
    """An empty rendering is no proof of health."""
    line = text_of(tmp_path, text, required=None)
    assert line.startswith("UNKNOWN ConfigMaps: none of the default names is in these manifests, for namespace agent")
    assert "set configmaps.required to the names that the controller needs, or to []" in line


def test_the_default_names_in_another_namespace_are_named(tmp_path):
    """`configmaps.namespace` is what differs."""
    line = text_of(tmp_path, a_manifest(NAMES[0], meta="  namespace: cto\n"), required=None)
    assert "; m.yaml:1 has this name in namespace cto; set" in line


def test_where_nothing_is_required_nothing_is_wrong(tmp_path):
    """And that is said."""
    lines, status = lines_of(tmp_path, "[", required=())
    assert (lines, status) == (["note ConfigMaps: configmaps.required is empty: none is required"], "ok")


def test_a_pattern_takes_all_that_match(tmp_path):
    """Each is judged, and one has to be there."""
    text = "---\n".join([a_manifest("x-a"), a_manifest("x-b", data=""), a_manifest("z")])
    assert lines_of(tmp_path, text, required=("x-*", "y-*"))[0] == [
        "ok ConfigMap agent-platform/x-a: 1 keys, 1 bytes (m.yaml:1)",
        "UNHEALTHY ConfigMap agent-platform/x-b: empty (m.yaml:7)",
        "UNHEALTHY ConfigMap agent-platform/y-*: missing",
    ]


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
        (DEEP, "m.yaml: nested too deeply"),
        ("{" + '"a":{' * 100_000, "m.yaml: nested too deeply"),
        (f"kind: X\n{BOMB}", "not YAML: too many merged keys"),
        (b"kind: X\n\xff\n", "m.yaml:2: not UTF-8 text"),
        (gzip.compress(b"kind: X"), "m.yaml: compressed by gzip; decompress it first"),
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
    (tmp_path / "empty").mkdir()
    (found, _) = check_rendered([str(tmp_path / "empty")], Settings(configmaps=ConfigMaps(required=("a",))))
    assert found.text == "no .yaml, .yml, .json file in this folder"


def test_a_file_that_is_not_there_is_an_unknown(tmp_path):
    """And named."""
    (found, _) = check_rendered([str(tmp_path / "x.yaml")], Settings(configmaps=ConfigMaps(required=("a",))))
    assert (found.status, found.subject, found.text) == (
        UNKNOWN, str(tmp_path / "x.yaml"), "cannot be read: No such file or directory",
    )  # fmt: skip


@pytest.mark.parametrize(("text", "code"), [(a_manifest(), 0), (a_manifest(data=""), 1), ("[", 2)])
def test_the_command_reads_standard_input_and_ends_with_the_worst(tmp_path, monkeypatch, text, code):
    """0, 1 and 2 as for a cluster, and every form of output; no kubeconfig is looked for."""
    (tmp_path / "s.yml").write_text("configmaps: {required: [a]}")
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    got, out, err = call("check", "-f", "-", "--config.file", tmp_path / "s.yml", "-o", "junit")
    assert (got, err) == (code, "")
    assert "standard input:1" in out
    assert out.startswith("<?xml")


@pytest.mark.parametrize("flag", ["--namespaces=a", "--context=c", "--kubeconfig=k", "--label-selector=a=b"])
def test_flags_about_a_cluster_are_refused_with_it(flag):
    """They would have no effect."""
    assert (
        wrong("check", "--filename=-", flag) == f"{flag.split('=')[0]}: not with --filename, which reads no cluster"
    )
