"""The dashboards comply with the JSON Schema of Grafana's types, which tools/dashboards/schema/build makes."""

import copy
import json
import pathlib

import jsonschema
import pytest

from lab.components import component

pytestmark = pytest.mark.needs("grafana-schema.json")

FILES = sorted((pathlib.Path(__file__).resolve().parents[3] / "dashboards").glob("*.json"))
OF_THE_PLUGIN = {"expr", "tagKeys", "textFormat", "titleFormat"}
"""Fields of annotations that Grafana's Prometheus plugin reads, and that are not in the types of the dashboard."""


@pytest.fixture(scope="module")
def schemas():
    """The schemas by name: `dashboard`, and each kind of panel with its `Options` and its `FieldConfig`."""
    return json.loads(component("grafana-schema.json").read_text())


def errors(schemas, tree):
    """The violations of the schemas of the dashboard and of its panels."""
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
    """The violations in a part of a panel. All fields are optional, because Grafana has defaults."""
    if name not in schema["definitions"]:
        return []
    loose = json.loads(
        json.dumps(schema), object_hook=lambda each: {k: v for k, v in each.items() if k != "required"}
    )
    return list(jsonschema.Draft7Validator({**loose, "$ref": f"#/definitions/{name}"}).iter_errors(value))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_all_fields_are_known_to_grafana(schemas, file):
    """These are fields of the dashboard, of its variables, of each panel, and of each kind of panel."""
    assert errors(schemas, json.loads(file.read_text())) == []


def test_an_invalid_field_is_found(schemas):
    """It may be in the grid, in a panel's options or field configuration, in a variable, or in the dashboard."""
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
