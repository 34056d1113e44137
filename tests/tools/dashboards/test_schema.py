"""The dashboards against the types that Grafana publishes, as JSON Schema: tools/dashboards/schema/build makes it."""

import copy
import json
import pathlib

import jsonschema
import pytest

from lab.components import component

pytestmark = pytest.mark.needs("grafana-schema.json")

FILES = sorted((pathlib.Path(__file__).resolve().parents[3] / "dashboards").glob("*.json"))
OF_THE_PLUGIN = {"expr", "tagKeys", "textFormat", "titleFormat"}
"""What Grafana's Prometheus plugin reads of an annotation, and the dashboard's own types leave out."""


@pytest.fixture(scope="module")
def schemas():
    """By name: `dashboard`, and each kind of panel with its `Options` and its `FieldConfig`."""
    return json.loads(component("grafana-schema.json").read_text())


def errors(schemas, tree):
    """What the schema of a dashboard, and those of its panels' kinds, have against it."""
    bare = copy.deepcopy(tree)
    for annotation in bare["annotations"]["list"]:
        for name in OF_THE_PLUGIN & annotation.keys():
            del annotation[name]
    found = list(jsonschema.Draft7Validator(schemas["dashboard"]).iter_errors(bare))
    for panel in bare["panels"]:
        if panel["type"] != "row":
            found += parts(schemas[panel["type"]], "Options", panel["options"])
            found += parts(schemas[panel["type"]], "FieldConfig", panel["fieldConfig"]["defaults"].get("custom", {}))
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in found]


def parts(schema, name, value):
    """What a kind of panel has against a part of it; all of its fields may be left out, for Grafana has defaults."""
    if name not in schema["definitions"]:
        return []
    loose = json.loads(
        json.dumps(schema), object_hook=lambda each: {k: v for k, v in each.items() if k != "required"}
    )
    return list(jsonschema.Draft7Validator({**loose, "$ref": f"#/definitions/{name}"}).iter_errors(value))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_grafana_would_know_every_field(schemas, file):
    """Of the dashboard, of its variables, of each panel and of what is special to that panel's kind."""
    assert errors(schemas, json.loads(file.read_text())) == []


def test_a_wrong_field_is_found_wherever_it_is(schemas):
    """In the grid, in the options of a kind, in how its values are drawn, in a variable, in the dashboard itself."""
    tree = json.loads(FILES[0].read_text())
    stat, lines = (
        next(panel for panel in tree["panels"] if panel["type"] == kind) for kind in ("stat", "timeseries")
    )
    wrongs = [
        (stat["gridPos"], "w", "wide"),
        (stat["options"], "colorMode", "rainbow"),
        (lines["fieldConfig"]["defaults"]["custom"], "lineWidth", "2"),
        (tree["templating"]["list"][1], "multi", "yes"),
        (tree, "refresh", 30),
        (tree, "panel", []),
    ]
    for place, name, wrong in wrongs:
        before = place.get(name)
        place[name] = wrong
        assert len(errors(schemas, tree)) == 1, name
        place[name] = before
        if before is None:
            del place[name]
    assert errors(schemas, tree) == []
