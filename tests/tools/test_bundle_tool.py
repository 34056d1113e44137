"""What is made from the rule files: the same rules in other clothes, and a release that anybody can check."""

import hashlib
import io
import re
import shutil
import subprocess
import tarfile

import pytest
import yaml

from tests.components import component
from tools.bundle import generate, release, source
from tools.bundle.__main__ import main
from tools.bundle.settings import Settings
from tools.dashboards.generate import linked

FILES = source.read_rules()
GENERATED = generate.generated(FILES)
VERSION = source.read_version()
NAME = f"coderun-exporter-rules-{VERSION}"
FOLDERS = ("rules", "tests", "runbooks", "templates")
PLAIN = ("alertmanager.yml", "receivers.yml", "scrape.yml", "thresholds.yml", "README.md", "CHANGELOG.md", "VERSION")
WIKI = "https://wiki.example:8443/ops/agents"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A copy of the repository's rules and of what was made from them, which a test may spoil."""
    for folder in ("alerts", "deploy/rules"):
        shutil.copytree(source.ROOT / folder, tmp_path / folder)
    monkeypatch.setattr(source, "ROOT", tmp_path)
    return tmp_path


def groups_of(files):
    """The groups of some rule files, in the files' order."""
    return [group for text in files.values() for group in yaml.safe_load(text)["groups"]]


def packed(out, **settings):
    """The files of a release with these settings, by their path in it."""
    with tarfile.open(release.pack(version=VERSION, settings=Settings(**settings), out=out)) as tar:
        return {entry.name: tar.extractfile(entry).read().decode() for entry in tar}


def test_the_committed_files_are_what_the_rules_say(capsys):
    """`make bundle` would change nothing."""
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_a_changed_rule_is_found_in_every_generated_file_and_nothing_is_written(tree, capsys):
    """Exit code 1 and a line for each, also for one that is missing and one that is left over. Then all is mended."""
    assert main(["--check"]) == 0
    rules = tree / "alerts/rules/configmaps.yml"
    rules.write_text(rules.read_text().replace("for: 1m", "for: 2m"))
    folder = tree / "deploy/rules"
    (folder / "old.yaml").write_text("")
    (folder / "configmap.yaml").unlink()
    before = {path: path.read_text() for path in folder.iterdir()}
    assert main(["--check"]) == 1
    names = ["configmap.yaml", "old.yaml", "prometheusrule.yaml", "values-prometheus.yaml"]
    told = "".join(f"deploy/rules/{name} is stale: run `make bundle`\n" for name in names)
    assert capsys.readouterr().err == told
    assert {path: path.read_text() for path in folder.iterdir()} == before
    assert main([]) == 0
    assert main(["--check"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["configmap.yaml", "prometheusrule.yaml", names[-1]]


def test_each_generated_file_says_that_it_is_made():
    """In its first line."""
    for text in GENERATED.values():
        assert text.startswith("# Made by `make bundle` from alerts/rules/. Do not edit")


def test_a_prometheusrule_is_a_rule_file_with_nothing_changed():
    """One object each, with a name that Kubernetes takes and labels to select it by."""
    objects = list(yaml.safe_load_all(GENERATED["prometheusrule.yaml"]))
    assert [each["spec"] for each in objects] == [yaml.safe_load(text) for text in FILES.values()]
    names = [f"coderun-exporter-{name.removesuffix('.yml')}" for name in FILES]
    assert [each["metadata"]["name"] for each in objects] == names
    for each in objects:
        assert (each["apiVersion"], each["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
        assert each["metadata"]["labels"]["app.kubernetes.io/name"] == "coderun-exporter"
        assert each["metadata"]["labels"]["app.kubernetes.io/version"] == VERSION


def test_the_configmap_holds_the_files_to_the_letter():
    """Comments and all, and less than the 262,144 bytes that `kubectl apply` keeps of an object."""
    tree = yaml.safe_load(GENERATED["configmap.yaml"])
    assert (tree["apiVersion"], tree["kind"]) == ("v1", "ConfigMap")
    assert tree["data"] == FILES
    assert len(GENERATED["configmap.yaml"]) < 262_144


def test_the_helm_values_hold_every_group_under_the_two_keys_that_the_chart_loads():
    """Files with alerts in one, the others in the other, in order; no rule is lost or changed."""
    tree = yaml.safe_load(GENERATED["values-prometheus.yaml"])
    assert [*tree] == ["serverFiles"]
    assert [*tree["serverFiles"]] == ["alerting_rules.yml", "recording_rules.yml"]
    alerting, recording = (part["groups"] for part in tree["serverFiles"].values())
    assert sorted([*alerting, *recording], key=str) == sorted(groups_of(FILES), key=str)
    assert all(any("alert" in rule for rule in group["rules"]) for group in alerting)
    assert recording
    assert not any("alert" in rule for group in recording for rule in group["rules"])


def test_every_brace_of_the_rules_arrives():
    """Prometheus' templates are text to all of them."""
    braces = sum(text.count("{{") for text in FILES.values())
    assert braces > 100
    for name, text in GENERATED.items():
        assert text.count("{{") == braces, name


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("key", ["alerting_rules.yml", "recording_rules.yml"])
def test_prometheus_accepts_what_the_chart_would_write(tmp_path, key):
    """The values under a key, written anew by a YAML library as the chart's toYaml does."""
    file = tmp_path / key
    file.write_text(yaml.safe_dump(yaml.safe_load(GENERATED["values-prometheus.yaml"])["serverFiles"][key]))
    promtool("check", "rules", file)


def test_a_rule_file_of_another_form_is_one_clear_line(tree, capsys):
    """What cannot be moved as it is, is not guessed at."""
    (tree / "alerts/rules/odd.yml").write_text('{"groups": []}\n')
    assert main(["--check"]) == 2
    assert capsys.readouterr().err == (
        "bundle: alerts/rules/odd.yml has to be a comment and then `groups:`, with all else below that\n"
    )


def test_a_release_holds_the_bundle_and_nothing_else(tmp_path):
    """Rules, tests, runbooks, templates, configuration, words, what is made from the rules, and the dashboards."""
    alerts = source.ROOT / "alerts"
    folders = [path for folder in FOLDERS for path in (alerts / folder).iterdir()]
    kept = {f"{NAME}/{path.relative_to(alerts)}": path for path in (*folders, *(alerts / name for name in PLAIN))}
    files = packed(tmp_path)
    assert files == {
        **{name: path.read_text() for name, path in kept.items()},
        **{f"{NAME}/{name}": text for name, text in GENERATED.items()},
        **{f"{NAME}/dashboards/{name}": text for name, text in linked("").items()},
    }
    unpacked = [path for path in (tmp_path / NAME).rglob("*") if path.is_file()]
    assert {path.relative_to(tmp_path).as_posix(): path.read_text() for path in unpacked} == files


def test_a_release_is_the_same_byte_for_byte_and_its_checksum_is_beside_it(tmp_path, monkeypatch):
    """Packed twice, at different times and by somebody else. What an older one left in the folder is gone."""
    first = release.pack(version=VERSION, settings=Settings(), out=tmp_path / "a").read_bytes()
    (tmp_path / "a" / NAME / "left-over.txt").write_text("")
    monkeypatch.setattr("time.time", lambda: 2e9)
    monkeypatch.setattr("os.getuid", lambda: 4711)
    again = release.pack(version=VERSION, settings=Settings(), out=tmp_path / "a")
    assert again.read_bytes() == first
    assert not (tmp_path / "a" / NAME / "left-over.txt").exists()
    digest = hashlib.sha256(first).hexdigest()
    assert (tmp_path / "a" / f"{NAME}.tar.gz.sha256").read_text() == f"{digest}  {NAME}.tar.gz\n"
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        assert {(entry.mtime, entry.uid, entry.gid, entry.uname, entry.mode) for entry in tar} == {
            (0, 0, 0, "", 0o644)
        }
        assert tar.getnames() == sorted(tar.getnames())


def test_the_runbooks_address_is_in_rules_unit_tests_and_dashboards(tmp_path):
    """As a line of its own; without an address there is no link."""
    plain, files = packed(tmp_path / "a"), packed(tmp_path / "b", runbooks=WIKI)
    assert not [name for name, text in plain.items() if "runbook_url: " in text and not name.endswith(".md")]
    assert not [name for name, text in plain.items() if "runbooks.example" in text]
    link = re.compile(rf"^ +runbook_url: {re.escape(WIKI)}/\w+\n", re.MULTILINE)
    without = {name: link.sub("", text) for name, text in files.items() if "/dashboards/" not in name}
    assert without == {name: text for name, text in plain.items() if "/dashboards/" not in name}
    for kind in ("rules/coderuns.yml", "tests/AgentJobHanging.yml", "dashboards/agent-runs.json", *GENERATED):
        assert WIKI in files[f"{NAME}/{kind}"], kind


@pytest.mark.needs("promtool")
@pytest.mark.timeout(180)  # all unit tests of the bundle
def test_prometheus_accepts_and_tests_what_is_packed(tmp_path):
    """With another address of the runbooks, in the unpacked folder; CI runs all of its unit tests."""
    with tarfile.open(release.pack(version=VERSION, settings=Settings(runbooks=WIKI), out=tmp_path)) as tar:
        tar.extractall(tmp_path / "user", filter="data")
    folder = tmp_path / "user" / NAME
    promtool("check", "rules", *sorted(folder.glob("rules/*.yml")))
    promtool("test", "rules", *(folder / f"tests/{name}.yml" for name in ("AgentJobsFailing", "CodeRunExporterDown")))


def test_a_release_from_the_command_line_tells_its_archive(tree, capsys):
    """One path on the output, and nothing else; a slash at the end of the address is left out."""
    out = tree / "out"
    assert main(["--release", "--version", VERSION, "--runbooks", f"{WIKI}/", "--out", str(out)]) == 0
    told = capsys.readouterr()
    assert told.out == f"{out}/{NAME}.tar.gz\n"
    assert told.err == ""
    assert f"runbook_url: {WIKI}/AgentJobsFailing" in (out / NAME / "rules/outcomes.yml").read_text()


@pytest.mark.parametrize(
    ("wanted", "own", "words"),
    [
        (
            "9.9.9",
            VERSION,
            f"--version is '9.9.9', but alerts/VERSION says '{VERSION}': give that, or change it first",
        ),
        ("", VERSION, f"--version is '', but alerts/VERSION says '{VERSION}': give that, or change it first"),
        ("9.9.9", "9.9.9", "alerts/CHANGELOG.md has no entry `## [9.9.9]`: say there first what has changed"),
    ],
)
def test_a_version_that_is_not_the_bundles_or_that_nobody_described_is_refused(tree, capsys, wanted, own, words):
    """One line, exit code 2, and nothing is packed."""
    (tree / "alerts/VERSION").write_text(f"{own}\n")
    assert main(["--release", "--version", wanted, "--out", str(tree / "out")]) == 2
    assert capsys.readouterr() == ("", f"bundle: {words}\n")
    assert not (tree / "out").exists()


@pytest.mark.parametrize(
    "address",
    [
        *("wiki.example/runbooks", "ftp://wiki.example", "https://", "https:///x", "https://wiki.example/a b"),
        *("https://w/{{ .x }}", 'https://w/"', "https://w/x, y: z", "https://w/#top", "https://w/\n", "javascript:x"),
    ],
)
def test_an_address_that_is_none_or_that_would_break_a_file_is_refused(tree, capsys, address):
    """One line that shows what would be right, exit code 2, and nothing is packed."""
    assert main(["--release", "--version", VERSION, "--runbooks", address, "--out", str(tree / "out")]) == 2
    words = f"bundle: --runbooks is {address!r}: set an address such as https://wiki.example/runbooks\n"
    assert capsys.readouterr() == ("", words)
    assert not (tree / "out").exists()


@pytest.mark.needs("promtool")
def test_a_release_with_settings_has_its_rules_everywhere_and_no_unit_tests(tree, capsys):
    """In every rule and generated file; the unit tests are about the rules as they are in the repository."""
    file = tree / "settings.yml"
    file.write_text(
        "rules: {labels: {team: a}, jobs: 'b.*', alerts: {CodeRunExporterAbsent: {thresholds: {gone: 12h}}}}"
    )
    assert main(["--release", "--version", VERSION, "--settings", str(file), "--out", str(tree / "out")]) == 0, capsys
    folder = tree / "out" / NAME
    assert not (folder / "tests").exists()
    for path in (folder / "rules/exporter.yml", *(folder / name for name in GENERATED)):
        text = path.read_text()
        assert 'job=~"b.*"' in text, path
        assert "coderun-exporter.*" not in text, path
        assert "[12h]" in text, path
        assert 'team: "a"' in text, path
    promtool("check", "rules", *sorted(folder.glob("rules/*.yml")))


def test_a_wrong_settings_file_is_one_line(tree, capsys):
    """With exit code 2, and nothing is packed."""
    file = tree / "settings.yml"
    file.write_text("rules: {alerts: {AgentJobFailing: {enabled: false}}}")
    assert main(["--release", "--version", VERSION, "--settings", str(file), "--out", str(tree / "out")]) == 2
    words = f"bundle: {file}: rules.alerts.AgentJobFailing: no such alert; did you mean AgentJobsFailing?\n"
    assert capsys.readouterr() == ("", words)
    assert not (tree / "out").exists()


def promtool(*arguments):
    """Fails with its words where it fails."""
    done = subprocess.run(
        [component("promtool"), *arguments], capture_output=True, text=True, check=False, timeout=170
    )
    assert done.returncode == 0, done.stdout + done.stderr
