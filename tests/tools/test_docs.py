"""The documentation agrees with the code, and its links are valid."""

import importlib.metadata
import json
import pathlib
import re
import shutil
import tomllib

import pytest
import yaml

from exporter import config, config_file
from exporter.diagnosis import CAUSES
from exporter.diagnosis.end_texts import END_TEXTS
from exporter.telemetry import STATES
from lab import fast_yaml
from tools import generate_docs

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("docs", "alerts", "deploy")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in ROOT.glob(f"{folder}/**/*.md"))])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|\b(?:href|src)=\"([^\"]+)\"|^\[[^\]]+\]: (\S+)", re.MULTILINE)
FENCED = re.compile(r"^ *(```+|~~~+).*?^ *\1 *$", re.DOTALL | re.MULTILINE)
CELL_END = re.compile(r"(?<!\\)\|")


def text_of(page):
    """The text of a file in the repository."""
    return (ROOT / page).read_text("utf-8")


def anchors_of(markdown):
    """The anchors of the headings of a page, as GitHub generates them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", markdown), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def settings_in(tree, prefix=""):
    """The paths of all settings in a file, as the configuration page writes them."""
    paths = set()
    for key, value in tree.items():
        path = f"{prefix}{key}"
        paths.add(path)
        if isinstance(value, dict) and path == "thresholds.agents":
            paths |= {inner for agent in value.values() for inner in settings_in(agent, f"{path}.NAME.")}
        elif isinstance(value, dict) and path != "jobs.match_labels":
            paths = paths - {path} | settings_in(value, f"{path}.")
        elif isinstance(value, list):
            mappings = [item for item in value if isinstance(item, dict)]
            paths |= {inner for item in mappings for inner in settings_in(item, f"{path}[].")}
    return paths


def test_every_section_of_the_metrics_page_has_labels_and_metrics():
    """A resource without metrics of its own has no section, and no list of labels is empty."""
    page = text_of("docs/metrics.md")
    assert "Each has the labels ." not in page
    assert re.findall(r"^## (.+)\n\nEach has the labels [^\n]+\n\n(?:\|.*\n){2}(?!\|)", page, re.MULTILINE) == []


def test_an_alert_without_its_files_is_one_line(tmp_path, monkeypatch, capsys):
    """`make generate` names the missing runbook and unit tests."""
    shutil.copytree(ROOT / "alerts", tmp_path, dirs_exist_ok=True)
    rule = {"alert": "Unwritten", "expr": "up == 0", "labels": {"severity": "info"}}
    (tmp_path / "rules/new.yml").write_text(yaml.safe_dump({"groups": [{"name": "new", "rules": [rule]}]}))
    monkeypatch.setattr("tools.alerts_page.ALERTS", tmp_path)
    assert generate_docs.main([]) == 2
    assert capsys.readouterr() == (
        "",
        "make generate: alerts lack files; write alerts/runbooks/Unwritten.md, alerts/tests/Unwritten.yml\n",
    )


def test_the_example_file_has_every_setting():
    """It can be loaded, and its settings are those of the configuration page."""
    example = ROOT / "docs/coderun-exporter.yml"
    config_file.load(str(example))
    documented = set(re.findall(r"^\| `([\w.\[\]]+)` \|", text_of("docs/configuration.md"), re.MULTILINE))
    named = settings_in(fast_yaml.load(example.read_text()))
    of_profiles = {name for name in named if name.startswith("coderuns.kinds[].")}  # they have their own page
    assert named - of_profiles == documented - {"KUBECONFIG", "HOME", "PLURAL.GROUP"}
    keys = set(re.findall(r"^\| `([\w.\[\]]+)` \|", text_of("docs/profiles.md"), re.MULTILINE))
    assert {name.removeprefix("coderuns.kinds[].") for name in of_profiles} <= keys


def test_the_settings_on_the_operations_page_can_be_loaded(tmp_path):
    """These are the YAML blocks whose first key is a setting."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", text_of("docs/operations.md"), re.DOTALL | re.MULTILINE)
    settings = [block for block in blocks if next(iter(yaml.safe_load(block))) in config.Settings.__struct_fields__]
    assert {"pods", "logs", "thresholds"} <= {block.partition(":")[0] for block in settings}
    for block in settings:
        (tmp_path / "exporter.yml").write_text(block)
        config_file.load(str(tmp_path / "exporter.yml"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_has_a_target(page):
    """The file and the heading must exist. External links are not checked."""
    for target in map("".join, LINK.findall(FENCED.sub("", page.read_text("utf-8")))):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target}: no such file"
        if anchor:
            assert anchor in anchors_of(file.read_text("utf-8")), f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_table_is_complete(page):
    """It has a delimiter row, all rows have the same number of cells, and no row has a line break."""
    assert broken_rows(page.read_text("utf-8")) == []


def broken_rows(markdown):
    """The lines that GitHub would not render as rows of a table."""
    broken, head = [], None
    lines = FENCED.sub(lambda block: "\n" * block[0].count("\n"), markdown).splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.startswith("|"):
            head = None
            continue
        cells = CELL_END.split(line.rstrip())
        if head is None:
            head = len(cells)
            after = lines[number] if number < len(lines) else ""
            if not re.fullmatch(r"(\| *:?-+:? *)+\|", after.rstrip()):
                broken.append(f"{number}: no row of dashes follows: {line}")
        if cells[-1] or len(cells) != head:
            broken.append(f"{number}: {len(cells) - 2} cells and not {head - 2}: {line}")
    return broken


@pytest.mark.parametrize(
    "row", ["| a | b", "| a |", "| a | b | c |", "| a | `b|c` |", "| a | b\n  c |", "|---|---|\n\n| a | b |"]
)
def test_a_broken_row_is_found(row):
    """Each row has another number of cells, or is not a row."""
    table = f"| x | y |\n|---|---|\n{row}\n"
    assert broken_rows(table)
    assert not broken_rows("| x | y |\n|---|---|\n| a\\|b | c |\n\n```\n| a\n```\n")


def test_every_make_command_in_the_documentation_exists():
    """These are commands in the README, docs and the changelogs."""
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    named = {
        name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)
    }
    assert {"demo", "test"} <= named <= targets


def test_the_table_of_faults_lists_every_tested_fault():
    """It lists no others, and all tests of each fault have passed."""
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests/integration/faults").glob("test_*.py"))
    table = text_of("docs/reliability.md").partition("| fault | tests passed |")[2].partition("<!--")[0]
    rows = re.findall(r"^\| ([^|]+?) \| (\d+) of (\d+) \|", table, re.MULTILINE)
    assert sorted(title for title, _, _ in rows) == sorted(set(re.findall(r"mark\.fault\(\s*\"([^\"]+)\"", tests)))
    assert [title for title, passed, total in rows if passed != total] == []


def test_every_cause_is_explained():
    """A cause has a row on its page. A problem of a ConfigMap is on the page of the metrics."""
    problems = re.findall(
        r'\("(missing|empty|\w+_key|\w+_limit|forbidden)", ',
        "".join(text_of(f"exporter/{name}") for name in ("cache/records.py", "resources/configmaps.py")),
    )
    causes, metrics = text_of("docs/causes.md"), text_of("docs/metrics.md")
    table, _, messages = causes.partition("## Termination messages")
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(CAUSES)
    assert re.findall(r"^\| `(\w+)` \|", messages, re.MULTILINE) == list(END_TEXTS)
    assert len(problems) == 6
    assert [name for name in problems if f"`{name}`" not in metrics] == []


def test_every_state_is_explained():
    """The table on the operations page has exactly the states."""
    table = text_of("docs/operations.md").partition("## States")[2].partition("## ")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == STATES


def test_every_dependency_has_a_reason():
    """The page of dependencies lists exactly the requirements in pyproject.toml, in their order."""
    project = tomllib.loads(text_of("pyproject.toml"))
    requirements = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
    ]
    names = [re.match(r"[\w-]+", requirement)[0] for requirement in requirements]
    page = text_of("docs/dependencies.md").partition("From npm,")[0]
    assert re.findall(r"^\| ([a-z-]+) \| .+ \| .+ \|$", page, re.MULTILINE) == [
        "package", *names[:7], "package", *names[7:],
    ]  # fmt: skip


def test_no_pinned_requirement_names_a_registry():
    """Pip uses the registry of its own configuration."""
    pins = sorted(ROOT.glob("requirements/*.txt"))
    assert [pin.name for pin in pins] == ["build.txt", "dev.txt", "run.txt"]
    for pin in pins:
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", pin.read_text()), pin.name


def test_a_requirement_with_an_extra_is_pinned_with_it():
    """Without it, pip would resolve the package again without a pin, and fail as soon as a newer version exists."""
    pinned = dict(re.findall(r"^([a-z0-9-]+)((?:\[[a-z,]+\])?)==", text_of("requirements/dev.txt"), re.MULTILINE))
    with_extras = {
        extra
        for name in pinned
        for requirement in _requirements(name)
        if "extra ==" not in requirement
        for extra in re.findall(r"^([a-z0-9-]+)\[([a-z,]+)\]", requirement)
    }
    assert with_extras
    assert {name: f"[{extra}]" for name, extra in with_extras} == {name: pinned[name] for name, _ in with_extras}


def _requirements(name):
    """The requirements of an installed package. Packages for other systems have none."""
    try:
        return importlib.metadata.requires(name) or ()
    except importlib.metadata.PackageNotFoundError:
        return ()


def test_the_image_is_built_from_pins_and_runs_without_privileges():
    """Each install in the Dockerfile uses hashes or the wheel that was just built. The user is 10001."""
    lines = text_of("Dockerfile").replace("\\\n", "").splitlines()
    installs = [part for line in lines for part in line.split("&&") if "pip" in part and " install " in part]
    assert installs
    assert all("--require-hashes" in part or part.rstrip().endswith("--no-deps /dist/*.whl") for part in installs)
    assert "USER 10001:10001" in lines
    assert lines[-1] == 'ENTRYPOINT ["coderun-exporter"]'
    health = next(line for line in lines if line.startswith("HEALTHCHECK"))
    python, flag, script = json.loads(health.partition("CMD ")[2])
    assert (python, flag) == ("python", "-c")
    compile(script, "HEALTHCHECK", "exec")
