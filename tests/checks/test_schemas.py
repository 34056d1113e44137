"""Paths of a profile that a CRD's schema does not have. A path that may have a value is never reported."""

import pytest

from exporter.checks.schemas import not_in_schema
from exporter.profiles.paths import parse

TEXT = {"type": "string"}
SCHEMA = {
    "properties": {
        "metadata": {"allOf": [{"$ref": "#/x"}]},
        "spec": {"properties": {"model": TEXT, "env": {"additionalProperties": TEXT, "properties": {"a": TEXT}}}},
        "open": {"x-kubernetes-preserve-unknown-fields": True, "properties": {"a": {"properties": {"b": TEXT}}}},
        "status": {
            "properties": {
                "phase": TEXT,
                "conditions": {"items": {"properties": {"type": TEXT, "reason": TEXT}}},
                "list": {"items": TEXT},
            }
        },
    }
}


@pytest.mark.parametrize(
    ("path", "near"),
    [
        (".spec.modle", ".spec.model"),
        (".spec.x", ""),
        (".spec.modle.name", ".spec.model.name"),
        (".status.phases", ".status.phase"),
        (".status.conditions[?(@.type=='Ready')].raeson", ".status.conditions[?(@.type=='Ready')].reason"),
        (".open.a.c", ""),
        (".other.x", ""),
    ],
)
def test_a_path_that_is_not_in_the_schema_is_named_with_the_nearest_one(path, near):
    """It may be within a list, too."""
    assert not_in_schema(SCHEMA, parse(path)) == near


@pytest.mark.parametrize(
    "path",
    [
        ".spec.model",
        ".metadata.labels.x",
        ".spec.env.b",
        ".open.b",
        ".status.conditions[?(@.type=='Ready')].reason",
        ".status.conditions[0].type",
        ".status.list[0].x",
        ".status.phase.x",
    ],
)
def test_a_path_that_may_have_a_value_is_not_reported(path):
    """The schema preserves unknown fields there, or does not define the fields."""
    assert not_in_schema(SCHEMA, parse(path)) is None


@pytest.mark.parametrize("schema", [None, [], "x", {}, {"properties": []}, {"properties": {"spec": None}}])
def test_without_a_schema_no_path_is_reported(schema):
    """A value that is no schema counts as none."""
    assert not_in_schema(schema, parse(".spec.model")) is None
