"""`check --filename`: rendered manifests are checked by the exporter's rules, before they are applied."""

import io
import json
import subprocess

import pytest

from exporter.checks import UNHEALTHY, UNKNOWN
from exporter.checks.formats import worst_status
from exporter.checks.rendered import check_rendered
from exporter.config import ConfigMaps, RequiredConfigMap, Settings
from lab.components import component
from tests.commands.in_process import call, wrong

NAMES = tuple(f"controller-agent-templates-{each}" for each in ("claude", "codex", "cursor", "factory"))


def a_manifest(name="a", *, more="", data="data: {k: v}\n", meta=""):
    """A ConfigMap as YAML, of at least six lines."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n{meta}{data}{more}"


def lines_of(folder, *texts, required=("a",), name="m.yaml", namespace="agent-platform"):
    """The findings about files with these texts, as lines without the folder, and their worst status."""
    paths = []
    for number, text in enumerate(texts):
        path = folder / f"{number or ''}{name}"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        paths.append(str(path))
    configmaps = ConfigMaps(namespace=namespace) if required is None else ConfigMaps(required=required)
    found = check_rendered(paths, Settings(configmaps=configmaps))
    return [f"{item.status} {item.subject}: {item.text}".replace(f"{folder}/", "") for item in found], worst_status(
        found
    )


def text_of(folder, *texts, **more):
    """The only finding, as a line."""
    (line,), _ = lines_of(folder, *texts, **more)
    return line


HEALTHY = "ok ConfigMap agent-platform/a: 1 key, 1 byte (m.yaml:{})"


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
        (a_manifest(more="---\nkind: Secret\napiVersion: v1\nmetadata: {name: !vault secret}\nx: !list [1]\n"), 1),
        (
            "kind: List\napiVersion: v1\nitems:\n- " + a_manifest().replace("\n", "\n  "),
            4,
        ),
        ("kind: ConfigMapList\napiVersion: v1\nitems:\n- metadata: {name: a}\n  data: {k: v}\n", 4),
        ("{kind: ConfigMap, apiVersion: v1, metadata: {name: a}, data: {k: v}}", 1),
        ('\n{\t"kind": "ConfigMap", "apiVersion": "v1",\n\t"metadata": {"name": "a"},\n\t"data": {"k": "v"}}\n', 2),
        (
            '{"kind":"X","apiVersion":"v1"}\n{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"},"data":{"k":"v"}}',
            2,
        ),
        (a_manifest(data="data: {k: 2}\n").replace("2", "'2'"), 1),
    ],
)
def test_a_configmap_is_found_in_every_form_of_manifest(tmp_path, text, line):
    """It may be in several documents, in a list, and beside other kinds. The settings have its default namespace."""
    assert text_of(tmp_path, text) == HEALTHY.format(line)


TEXT = ("'5'", "12:30", "2024-01-01", "=", "!!binary dg==", "!x v", "1.2.3", "v1", "0x", "'yes'", "|-\n    v")
NOT_TEXT = ("5", "1e3", ".5", "0o17", "017", "0x1F", "1_000", "+1", "yes", "on", "y", "N", "true", "[a]", "{a: b}")


@pytest.mark.parametrize("value", TEXT)
def test_a_value_is_text_where_kubectl_takes_it_for_text(tmp_path, value):
    """`kubectl label --local` prints the same."""
    assert text_of(tmp_path, a_manifest(data=f"data:\n  k: {value}\n")).startswith("ok ")


@pytest.mark.parametrize("value", NOT_TEXT)
def test_a_value_that_kubectl_does_not_take_for_text_is_refused(tmp_path, value):
    """The API server would reject the ConfigMap."""
    line = text_of(tmp_path, a_manifest(data=f"data: {{k: {value}, l: x}}\n"))
    assert line.startswith("UNHEALTHY ConfigMap agent-platform/a: the value of key 'k' is not text")


@pytest.mark.needs("kubectl")
def test_kubectl_takes_the_same_for_text(tmp_path):
    """Kubectl converts one ConfigMap with all these values to JSON. It needs no cluster for that."""
    values = {f"k{number}": value for number, value in enumerate((*TEXT, *NOT_TEXT))}
    file = tmp_path / "a.yaml"
    file.write_text(a_manifest(data="data:\n" + "".join(f"  {key}: {value}\n" for key, value in values.items())))
    command = [component("kubectl"), "label", "--local", "-f", file, "a=b", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=45)
    read = json.loads(done.stdout)["data"]
    assert {values[key] for key, value in read.items() if isinstance(value, str)} == {*TEXT}


def test_a_key_is_text_whatever_it_looks_like(tmp_path):
    """Kubectl does so when it converts YAML to JSON."""
    required = (RequiredConfigMap(name="a", keys=("true", "5")),)
    assert text_of(tmp_path, a_manifest(data="data: {on: x, 5: z}\n"), required=required).startswith("ok ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (a_manifest(data=""), "empty"),
        (a_manifest(data="data: {}\nbinaryData:\n"), "empty"),
        (a_manifest(data="data: {k: ''}\n"), "empty"),
        (a_manifest(data="data: {k: 2}\n"), "the value of key 'k' is not text: put it into quotes"),
        (a_manifest(data="data: {k: yes, l: x}\n"), "the value of key 'k' is not text: put it into quotes"),
        (
            a_manifest(data="data: {a/b: x, l: z}\n"),
            "'a/b' is not a key of data: keys have letters, digits, -, _ and .",
        ),
        (a_manifest(data="data: [k]\n"), "data is not a mapping"),
        (a_manifest(data="data: {k: v, k: w}\n"), "key 'k' is defined twice in data"),
        (a_manifest(more="data: {k: w}\n"), "the key data is defined twice"),
        (a_manifest(more="binaryData: {k: dg==}\n"), "key 'k' is in data and in binaryData"),
        (a_manifest(data="binaryData: {k: '?'}\n"), "empty; the value of key 'k' in binaryData is not base64"),
        (a_manifest().replace("v1", "v2"), "apiVersion is 'v2' and not 'v1'"),
        (a_manifest(more="Data: {l: w}\n"), "unknown field 'Data'; did you mean 'data'?"),
        (a_manifest(more="immutable: 'true'\n"), "immutable is neither true nor false"),
        (a_manifest(meta="  labels: [x]\n"), "metadata.labels is not a mapping"),
        (
            a_manifest(meta="  annotations: {x: 5}\n"),
            "metadata.annotations: the value of 'x' is not text: put it into quotes",
        ),
        (a_manifest(data="data: &a {l: x, k: *a}\n"), "the value of key 'k' is not text: put it into quotes"),
        (a_manifest(data="data: {5: x, '5': z}\n"), "key '5' is defined twice in data"),
        (a_manifest(data=f"data: {{k: {'x' * 1048577}}}\n"), "1048577 bytes, over the limit of 1048576"),
    ],
)
def test_the_finding_says_what_is_wrong_with_a_configmap(tmp_path, text, expected):
    """The rules are those of `configmap_problem` and of the API server."""
    assert text_of(tmp_path, text) == f"UNHEALTHY ConfigMap agent-platform/a: {expected} (m.yaml:1)"


def test_keys_and_size_are_checked_as_in_the_exporter(tmp_path):
    """Missing and empty keys are unhealthy. A size near the limit is a note."""
    required = (RequiredConfigMap(name="a", keys=("x.sh", "y.md")),)
    assert text_of(tmp_path, a_manifest(data="data: {y.md: '', z: '1'}\n"), required=required) == (
        "UNHEALTHY ConfigMap agent-platform/a: missing key 'x.sh', empty key 'y.md' (m.yaml:1)"
    )
    assert text_of(tmp_path, a_manifest(data=f"data: {{k: {'x' * 900_000}}}\n")) == (
        "note ConfigMap agent-platform/a: 1 key, 900000 bytes: near the limit of 1048576 bytes (m.yaml:1)"
    )


def test_a_configmap_that_is_defined_twice_is_unhealthy(tmp_path):
    """The order of the manifests decides which of them is applied last."""
    lines, status = lines_of(tmp_path, a_manifest(), a_manifest(data="data: {}\n"))
    assert status == UNHEALTHY
    assert lines == [
        "UNHEALTHY ConfigMap agent-platform/a: empty; defined more than once: also at m.yaml:1 (1m.yaml:1)"
    ]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (a_manifest("b"), ""),
        (a_manifest("abcde", meta="  namespace: other\n"), "; m.yaml:1 has this name in namespace other"),
        (
            a_manifest("abcde-5f2hk9bt4d"),
            "; m.yaml:1 has abcde-5f2hk9bt4d: kustomize adds a suffix unless disableNameSuffixHash is set",
        ),
        (a_manifest("abcdf"), "; did you mean abcdf (m.yaml:1)?"),
        (
            a_manifest().replace("name: a", "generateName: abcde-"),
            "; m.yaml:1 has generateName abcde-, and so no fixed name",
        ),
        (a_manifest("abcde").replace("kind: ConfigMap", "kind: Secret"), ""),
        (a_manifest("abcde").replace("v1", "example.com/v1"), ""),
    ],
)
def test_a_configmap_that_is_missing_is_unhealthy(tmp_path, text, hint):
    """The finding names a ConfigMap that may be meant."""
    line = text_of(tmp_path, text, required=("abcde",))
    assert line == f"UNHEALTHY ConfigMap agent-platform/abcde: missing{hint}"


def test_one_of_the_default_names_makes_the_others_required(tmp_path):
    """`check` does so in a cluster, too."""
    lines, status = lines_of(tmp_path, a_manifest(NAMES[0]), required=None)
    assert status == UNHEALTHY
    assert lines[0].startswith(f"ok ConfigMap agent-platform/{NAMES[0]}")
    assert sum(line.endswith(": missing") for line in lines) == 5


@pytest.mark.parametrize("text", ["", "---\n", "# only a comment\n", "null\n---\n~\n"])
def test_empty_manifests_are_unknown(tmp_path, text):
    """The command before the pipe may have failed, so that no ConfigMap is called missing."""
    lines, status = lines_of(tmp_path, text, text)
    assert status == UNKNOWN
    assert lines == [
        "UNKNOWN --filename: no Kubernetes object found in the input",
        "UNKNOWN ConfigMap agent-platform/a: not found in the documents that could be read",
    ]


def test_manifests_without_any_of_the_default_names_are_unknown(tmp_path):
    """A gate must not pass if no ConfigMap was checked."""
    line = text_of(tmp_path, a_manifest("other"), required=None)
    assert line.startswith("UNKNOWN ConfigMaps: none of the default names is in these manifests, for namespace agent")
    assert "set configmaps.required to the names that the controller needs, or to []" in line


def test_without_settings_a_file_that_cannot_be_read_is_one_line(tmp_path):
    """The names that may be in it are not findings."""
    assert text_of(tmp_path, "a: b: c", required=None).startswith("UNKNOWN m.yaml:1: not YAML: ")


def test_default_names_in_another_namespace_are_a_hint(tmp_path):
    """The finding proposes to set `configmaps.namespace`."""
    line = text_of(tmp_path, a_manifest(NAMES[0], meta="  namespace: cto\n"), required=None)
    assert "; m.yaml:1 has this name in namespace cto; set" in line


def test_without_required_configmaps_the_status_is_ok(tmp_path):
    """A note says that none is required."""
    lines, status = lines_of(tmp_path, "[", required=())
    assert (lines, status) == (["note ConfigMaps: configmaps.required is empty: none is required"], "ok")


def test_a_pattern_selects_all_configmaps_that_match(tmp_path):
    """Each of them is checked, and at least one must exist."""
    text = "---\n".join([a_manifest("x-a"), a_manifest("x-b", data=""), a_manifest("z")])
    assert lines_of(tmp_path, text, required=("x-*", "y-*"))[0] == [
        "ok ConfigMap agent-platform/x-a: 1 key, 1 byte (m.yaml:1)",
        "UNHEALTHY ConfigMap agent-platform/x-b: empty (m.yaml:7)",
        "UNHEALTHY ConfigMap agent-platform/y-*: missing",
    ]


@pytest.mark.parametrize(("text", "code"), [(a_manifest(), 0), (a_manifest(data=""), 1), ("[", 2)])
def test_the_command_reads_standard_input_and_exits_with_the_worst_status(tmp_path, monkeypatch, text, code):
    """The exit codes are those for a cluster: 0, 1 and 2. No kubeconfig is read."""
    (tmp_path / "s.yml").write_text("configmaps: {required: [a]}")
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    got, out, err = call("check", "-f", "-", "--config.file", tmp_path / "s.yml", "-o", "junit")
    assert (got, err) == (code, "")
    assert "standard input:1" in out
    assert out.startswith("<?xml")


@pytest.mark.parametrize(
    "flag", ["--web.kubernetes-auth", "--namespaces=a", "--context=c", "--kubeconfig=k", "--label-selector=a=b"]
)
def test_flags_about_a_cluster_are_refused_with_filename(flag):
    """They would have no effect."""
    assert (
        wrong("check", "--filename=-", flag) == f"{flag.split('=')[0]}: not with --filename, which reads no cluster"
    )


def test_objects_after_a_configmap_without_a_name_are_checked(tmp_path):
    """One object that cannot be read does not hide the other objects of its file."""
    nameless = "apiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {k: v}}\n"
    lines, status = lines_of(tmp_path, f"{nameless}---\n{a_manifest()}")
    assert lines == ["UNKNOWN m.yaml:1: a ConfigMap without metadata.name", HEALTHY.format(5)]
    assert status == UNKNOWN
