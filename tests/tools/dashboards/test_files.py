"""The generated files of the dashboards are up to date, valid, and readable on a wall-mounted screen."""

import itertools
import json
import pathlib
import re

import pytest

from lab import fast_yaml
from lab.components import MissingComponentError
from lab.monitoring.bundle import shipped_alerts
from tools.dashboards import __main__ as command, generate, page
from tools.dashboards.parts import DURATION
from tools.dashboards.reading import panels_of
from tools.dashboards.units import written

ROOT = pathlib.Path(__file__).resolve().parents[3]
FILES = sorted((ROOT / "dashboards").glob("*.json"))
WIKI = "https://wiki.example/agents"
UIDS = {"agent-runs": "coderun-agent-runs", "one-run": "coderun-one-run", "exporter": "coderun-exporter"}

for_each_dashboard = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def panels(file):
    """The panels of a file, without rows."""
    return [panel for panel in panels_of(file.read_text()) if panel.kind != "row"]


def links_in(tree):
    """The URLs of all links in a dashboard."""
    if isinstance(tree, dict):
        yield from (value for key, value in tree.items() if key == "url")
    for inner in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from links_in(inner)


def test_a_stale_file_is_named_and_not_written(tmp_path, monkeypatch, capsys):
    """`--check` exits with 1 and writes nothing. Without it, files are generated, and obsolete ones are removed."""
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    (tmp_path / "dashboards").mkdir()
    (tmp_path / "dashboards/agent-runs.json").write_text("{}")
    (tmp_path / "dashboards/old.json").write_text("{}")
    assert command.main(["--check"]) == 1
    named = re.findall(r"^(\S+) is stale", capsys.readouterr().err, re.MULTILINE)
    assert named == [
        "dashboards/agent-runs.json",
        "dashboards/exporter.json",
        "dashboards/kustomization.yaml",
        "dashboards/old.json",
        "dashboards/one-run.json",
    ]
    assert (tmp_path / "dashboards/agent-runs.json").read_text() == "{}"
    assert command.main([]) == 0
    assert not (tmp_path / "dashboards/old.json").exists()
    assert command.main(["--check"]) == 0


def test_a_page_with_another_panel_is_stale(tmp_path, monkeypatch):
    """Measured numbers on the page may be old, but its lists of panels must be current."""
    text = (ROOT / "docs/dashboards.md").read_text()
    (tmp_path / "docs").mkdir()
    (tmp_path / "tools/dashboards").mkdir(parents=True)
    (tmp_path / "tools/dashboards/page.md").write_text((ROOT / "tools/dashboards/page.md").read_text())
    monkeypatch.setattr(page, "ROOT", tmp_path)
    assert page.stale() == ["docs/dashboards.md"]
    copy = tmp_path / "docs/dashboards.md"
    copy.write_text(re.sub(r"\| \d+ \|$", "| 12345 |", text, flags=re.MULTILINE))
    assert page.stale() == []
    for changed in (
        text.replace("| Runs stalled |", "| Stalled |"),
        text.replace("a wall-mounted screen", "a desk"),
    ):
        assert changed != text
        copy.write_text(changed)
        assert page.stale() == ["docs/dashboards.md"]


@for_each_dashboard
def test_a_dashboard_keeps_its_uid_and_is_small(file):
    """Links and imports use the UID. It has at most 22 panels and 200 kB, and the schema version of Grafana 11.6."""
    tree = json.loads(file.read_text())
    assert tree["uid"] == UIDS[file.stem]
    assert "id" not in tree
    assert tree["schemaVersion"] == 41
    assert len(panels(file)) <= 22
    assert file.stat().st_size < 200_000


@for_each_dashboard
def test_every_panel_has_a_title_a_description_and_a_unit(file):
    """Titles are unique. Tables have a text for the case that they are empty."""
    shown = panels(file)
    assert len({panel.title for panel in shown}) == len(shown)
    for panel in shown:
        assert panel.tree["description"].endswith("."), panel.title
        if panel.kind in {"stat", "timeseries", "bargauge"}:
            assert panel.tree["fieldConfig"]["defaults"]["unit"], panel.title
        if panel.kind == "table":
            assert panel.tree["fieldConfig"]["defaults"]["noValue"], panel.title


@for_each_dashboard
def test_durations_are_hours_minutes_and_seconds(file):
    """Durations of less than a second are shown in seconds."""
    in_seconds = {"Scrape duration", "Event loop: delay"}
    for panel in panels(file):
        config = panel.tree["fieldConfig"]
        settings = [each for override in config["overrides"] for each in override["properties"]]
        units = {each["value"] for each in settings if each["id"] == "unit"} | {config["defaults"].get("unit")}
        assert units.isdisjoint({"s", "m", "h", "dtdurations", "clocks"}) or panel.title in in_seconds, panel.title


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00:00"), (3888.9, "01:04:48"), (86399, "23:59:59"), (360000, "4 d 04:00:00"), (-1, "00:00:01 ago")],
)
def test_a_duration_is_formatted_as_in_grafana(seconds, text):
    """The cases are those of Grafana's own tests."""
    assert written(seconds, DURATION) == text


@for_each_dashboard
def test_limits_in_one_panel_are_distinguishable(file):
    """They differ in their name and color. A series that is a limit is dashed."""
    for panel in panels(file):
        limits = [query for query in panel.queries if query.legend.startswith("limit")]
        if panel.kind != "timeseries" or not limits:
            continue
        assert len({query.legend for query in limits}) == len(limits)
        looks = {query.legend: series_settings(panel, query.legend) for query in limits}
        assert len({json.dumps(look) for look in looks.values()}) == len(limits)
        for query in limits:
            look = looks[query.legend]
            assert look["custom.lineStyle"]["fill"] == "dash"
            several = re.search(r"^limit of \{\{(\w+)\}\}$", query.legend)
            assert bool(several) == ("color" not in look), "several limits would have one color"
            assert query.legend != "limit", panel.title


def series_settings(panel, name):
    """The settings that Grafana applies to a series of this name. Later overrides win."""
    return {
        each["id"]: each["value"]
        for override in panel.tree["fieldConfig"]["overrides"]
        if override["matcher"]["id"] == "byRegexp" and re.search(override["matcher"]["options"].strip("/"), name)
        for each in override["properties"]
    }


@for_each_dashboard
def test_panels_fill_the_grid_without_overlap(file):
    """The grid is 24 wide. Each row has a heading, and IDs are in order."""
    every = panels_of(file.read_text())
    assert [panel.tree["id"] for panel in every] == list(range(1, len(every) + 1))
    assert every[0].kind == "row"
    cells = [
        (x, y)
        for panel in every
        for x, y in itertools.product(range(panel.x, panel.x + panel.width), range(panel.y, panel.y + panel.height))
    ]
    assert len(cells) == len(set(cells))
    assert {x for x, _ in cells} == set(range(24))
    assert len(cells) == 24 * (max(y for _, y in cells) + 1), "there is a hole in the grid"


@for_each_dashboard
def test_every_query_uses_the_selected_data_source(file):
    """These are the queries of panels, variables and annotations."""
    tree = json.loads(file.read_text())
    shown = [panel for panel in tree["panels"] if panel["type"] != "row"]
    sources = [each["datasource"] for panel in shown for each in (panel, *panel["targets"])]
    sources += [each["datasource"] for each in tree["templating"]["list"] if each["type"] == "query"]
    sources += [each["datasource"] for each in tree["annotations"]["list"]]
    assert {json.dumps(source, sort_keys=True) for source in sources} == {
        '{"type": "prometheus", "uid": "${datasource}"}'
    }
    assert tree["templating"]["list"][0]["type"] == "datasource"


@for_each_dashboard
def test_links_lead_to_other_dashboards_and_to_existing_runbooks(file):
    """Each dashboard links to both others, and to the runbooks of the alerts that it names or shows."""
    tree = json.loads(generate.linked(WIKI)[file.name])
    addresses = set(links_in(tree))
    boards = {found[1] for address in addresses if (found := re.match(r"/d/([\w-]+)", address))}
    assert boards >= set(UIDS.values()) - {tree["uid"]}
    assert boards <= set(UIDS.values())
    alerts = {address.removeprefix("${runbooks}/") for address in addresses if address.startswith("${runbooks}/")}
    assert alerts - {"${__value.text}"} <= set(shipped_alerts())
    assert "${__value.text}" in alerts
    named = set(re.findall(r"`([A-Z][a-z]+[A-Z]\w+)`", " ".join(panel.tree["description"] for panel in panels(file))))
    assert named <= alerts


def test_the_dashboards_link_to_every_runbook():
    """Each alert is named by a panel that shows its object."""
    text = " ".join(generate.linked(WIKI).values())
    assert [name for name in shipped_alerts() if f"${{runbooks}}/{name}" not in text] == []


@for_each_dashboard
def test_the_url_of_the_runbooks_is_a_variable_of_the_dashboards(file):
    """Without a URL, the variable and the links to runbooks are missing, and nothing else."""
    tree = json.loads(generate.linked(f"{WIKI}/")[file.name])
    (variable,) = [each for each in tree["templating"]["list"] if each["name"] == "runbooks"]
    assert (variable["type"], variable["query"]) == ("constant", WIKI)
    plain = file.read_text()
    assert plain == generate.linked("")[file.name]
    assert "${runbooks}" not in plain
    addresses = {*links_in(tree)}
    assert {*links_in(json.loads(plain))} == {each for each in addresses if not each.startswith("${runbooks}/")}
    assert len(panels_of(plain)) == len(panels_of(generate.linked(WIKI)[file.name]))


@for_each_dashboard
def test_all_also_matches_a_missing_label(file):
    """A single Prometheus has no label `cluster`."""
    variables = [each for each in json.loads(file.read_text())["templating"]["list"] if each.get("includeAll")]
    assert variables
    assert {each["allValue"] for each in variables} == {".*"}
    assert all(each["current"]["value"] == "$__all" for each in variables)


def test_each_dashboard_has_a_configmap_with_the_label_of_the_sidecar():
    """The kustomization of the folder generates it."""
    made = fast_yaml.load((ROOT / "dashboards/kustomization.yaml").read_text())
    assert made["generatorOptions"]["labels"]["grafana_dashboard"] == "1"
    assert sorted(name for each in made["configMapGenerator"] for name in each["files"]) == [
        file.name for file in sorted(FILES)
    ]


def test_rendering_without_prometheus_is_one_line(monkeypatch, capsys):
    """The exit code is 2. The line says how to install it."""

    def missing(name):
        raise MissingComponentError(f"{name} is not here")

    monkeypatch.setattr(command, "component", missing)
    assert command.main(["--render"]) == 2
    assert capsys.readouterr().err == "dashboards: prometheus is not here\n"
