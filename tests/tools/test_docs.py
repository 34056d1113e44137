"""What the pages say is what the code does, and every link leads somewhere."""

import importlib.metadata
import json
import pathlib
import re
import shutil
import tomllib

import pytest
import yaml

from exporter import config_file
from exporter.diagnosis import CAUSES
from exporter.telemetry import STATES
from lab import fast_yaml
from tools import generate_docs

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for room in ("docs", "alerts", "deploy") for page in ROOT.glob(f"{room}/**/*.md"))]
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|\b(?:href|src)=\"([^\"]+)\"|^\[[^\]]+\]: (\S+)", re.MULTILINE)
FENCED = re.compile(r"^ *(```+|~~~+).*?^ *\1 *$", re.DOTALL | re.MULTILINE)
CELL_END = re.compile(r"(?<!\\)\|")


def text_of(page):
    """A file of the repository."""
    return (ROOT / page).read_text("utf-8")


def anchors_of(markdown):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", markdown), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def settings_in(tree, prefix=""):
    """The paths of all settings of a file, written as the configuration page writes them."""
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
    """A resource that shares the families of another one has no section of its own."""
    page = text_of("docs/metrics.md")
    assert "Each has the labels ." not in page
    assert re.findall(r"^## (.+)\n\nEach has the labels [^\n]+\n\n(?:\|.*\n){2}(?!\|)", page, re.MULTILINE) == []


def test_an_alert_without_its_files_is_one_line(tmp_path, monkeypatch, capsys):
    """A new rule needs a runbook and unit tests: `make generate` names the files."""
    shutil.copytree(ROOT / "alerts", tmp_path, dirs_exist_ok=True)
    rule = {"alert": "Unwritten", "expr": "up == 0", "labels": {"severity": "info"}}
    (tmp_path / "rules/new.yml").write_text(yaml.safe_dump({"groups": [{"name": "new", "rules": [rule]}]}))
    monkeypatch.setattr("tools.alerts_page.ALERTS", tmp_path)
    assert generate_docs.main([]) == 2
    assert capsys.readouterr() == (
        "",
        "make generate: alerts lack files; write alerts/runbooks/Unwritten.md, alerts/tests/Unwritten.yml\n",
    )


def test_the_example_file_loads_and_names_every_setting():
    """Nobody has to guess how a setting is written."""
    example = ROOT / "docs/coderun-exporter.yml"
    config_file.load(str(example))
    documented = set(re.findall(r"^\| `([\w.\[\]]+)` \|", text_of("docs/configuration.md"), re.MULTILINE))
    named = settings_in(fast_yaml.load(example.read_text()))
    of_profiles = {name for name in named if name.startswith("coderuns.kinds[].")}  # which have a page of their own
    assert named - of_profiles == documented - {"KUBECONFIG", "HOME", "PLURAL.GROUP"}
    keys = set(re.findall(r"^\| `([\w.\[\]]+)` \|", text_of("docs/profiles.md"), re.MULTILINE))
    assert {name.removeprefix("coderuns.kinds[].") for name in of_profiles} <= keys


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_to_its_heading(page):
    """Links of a page to this repository; those to the world outside are not followed."""
    for target in map("".join, LINK.findall(FENCED.sub("", page.read_text("utf-8")))):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target}: no such file"
        if anchor:
            assert anchor in anchors_of(file.read_text("utf-8")), f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_table_is_whole(page):
    """It has a row of dashes, each row has as many cells as its head, and none is broken into two lines."""
    assert broken_rows(page.read_text("utf-8")) == []


def broken_rows(markdown):
    """The lines of tables that GitHub would not render as rows."""
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
    """What ends a table, or moves its cells."""
    table = f"| x | y |\n|---|---|\n{row}\n"
    assert broken_rows(table)
    assert not broken_rows("| x | y |\n|---|---|\n| a\\|b | c |\n\n```\n| a\n```\n")


def test_every_make_command_on_a_page_exists():
    """README, docs and CHANGELOG name targets of the Makefile only."""
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    named = {
        name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)
    }
    assert {"demo", "test"} <= named <= targets


def test_the_table_of_faults_has_every_fault_that_is_tested():
    """And none that is not: it is from a run of all of them."""
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests/integration/faults").glob("test_*.py"))
    table = text_of("docs/reliability.md").partition("| fault | tests passed |")[2].partition("<!--")[0]
    told = re.findall(r"^\| ([^|]+?) \| (\d+) of (\d+) \|", table, re.MULTILINE)
    assert sorted(title for title, _, _ in told) == sorted(set(re.findall(r"mark\.fault\(\s*\"([^\"]+)\"", tests)))
    assert [title for title, passed, all_of_them in told if passed != all_of_them] == []


def test_every_cause_is_explained():
    """A cause has a row on its page, and a problem of a ConfigMap on the metrics page."""
    problems = re.findall(
        r'\("(missing|empty|\w+_key|\w+_limit|forbidden)", ',
        "".join(text_of(f"exporter/{name}") for name in ("cache/records.py", "resources/configmaps.py")),
    )
    causes, metrics = text_of("docs/causes.md"), text_of("docs/metrics.md")
    assert re.findall(r"^\| `(\w+)` \|", causes, re.MULTILINE) == list(CAUSES)
    assert len(problems) == 6
    assert [name for name in problems if f"`{name}`" not in metrics] == []


def test_every_state_is_explained():
    """The table of states on the operations page has a row for each, and for nothing else."""
    table = text_of("docs/operations.md").partition("## States")[2].partition("## ")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == STATES


def test_every_dependency_has_its_reason():
    """The page of dependencies lists exactly what pyproject.toml asks for, in its order."""
    project = tomllib.loads(text_of("pyproject.toml"))
    asked = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
    ]
    names = [re.match(r"[\w-]+", requirement)[0] for requirement in asked]
    assert re.findall(r"^\| ([a-z-]+) \| .+ \| .+ \|$", text_of("docs/dependencies.md"), re.MULTILINE) == [
        "package", *names[:7], "package", *names[7:],
    ]  # fmt: skip


def test_no_pinned_requirement_names_a_registry():
    """Whoever installs from the pins uses the registry that their own pip is set to."""
    pins = sorted(ROOT.glob("requirements/*.txt"))
    assert [pin.name for pin in pins] == ["build.txt", "dev.txt", "run.txt"]
    for pin in pins:
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", pin.read_text()), pin.name


def test_an_extra_that_a_package_asks_for_is_pinned_with_it():
    """Without it pip takes the package for another, unpinned one, and refuses it once there is a newer version."""
    pinned = dict(re.findall(r"^([a-z0-9-]+)((?:\[[a-z,]+\])?)==", text_of("requirements/dev.txt"), re.MULTILINE))
    asked = {
        extra
        for name in pinned
        for requirement in _requirements(name)
        if "extra ==" not in requirement
        for extra in re.findall(r"^([a-z0-9-]+)\[([a-z,]+)\]", requirement)
    }
    assert asked
    assert {name: f"[{extra}]" for name, extra in asked} == {name: pinned[name] for name, _ in asked}


def _requirements(name):
    """What an installed package asks for; nothing of one that is for other systems."""
    try:
        return importlib.metadata.requires(name) or ()
    except importlib.metadata.PackageNotFoundError:
        return ()


def test_the_image_is_built_from_pins_and_runs_as_nobody():
    """Every install in the Dockerfile is by hash, or of the wheel that was just built; the user is 10001."""
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
