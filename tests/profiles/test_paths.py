"""Parses the paths of profiles, which have the syntax of kubectl, and reports invalid ones."""

import pytest

from exporter.profiles.paths import PathError, Where, parse


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        (".status.phase", ("status", "phase")),
        (r".metadata.labels.app\.kubernetes\.io/managed-by", ("metadata", "labels", "app.kubernetes.io/managed-by")),
        (".spec.contexts[0].git", ("spec", "contexts", 0, "git")),
        (".status.conditions[?(@.type=='Ready')].reason", ("status", "conditions", Where("type", "Ready"), "reason")),
        (
            '.status.conditions[?( @.type == "Ready" )].status',
            ("status", "conditions", Where("type", "Ready"), "status"),
        ),
        (".data.some_key-1", ("data", "some_key-1")),
    ],
)
def test_valid_paths(text, steps):
    """A step is a name, an index, or a condition on a field of a list's item. Dots in names are escaped."""
    assert parse(text) == steps


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("status.phase", "is not a path: unexpected 'status.phase'; write .name"),
        ("{.status.phase}", "is not a path: unexpected '{.status.phase}'; write .name"),
        ("$.status.phase", "is not a path: unexpected '$.status.phase'; write .name"),
        (".status..phase", "is not a path: unexpected '..phase'"),
        (".status.conditions[*].type", "is not a path: unexpected '[*].type'"),
        (".status.conditions[-1:].type", "is not a path: unexpected '[-1:].type'"),
        (".status.conditions[?(@.type=Ready)].status", "unexpected '[?(@.type=Ready)].status'"),
        (".status.", "is not a path: unexpected '.'"),
        (".metadata.labels['a.b/c']", "did you mean '.metadata.labels.a\\\\.b/c'?"),
        ("", "must begin with the name of a field"),
        ("[0].x", "must begin with the name of a field"),
        (".stauts.phase", "objects have no field 'stauts'; did you mean 'status'?"),
        (".metadata.label.app", "metadata has no field 'label'; did you mean 'labels'?"),
        (".metadata", "metadata has no field ''; known here: annotations"),
        (".status.phase\n", "is not a path: unexpected '\\n'"),
    ],
)
def test_an_invalid_path_is_reported_with_a_valid_one(text, line):
    """The error is one line that begins with the path."""
    with pytest.raises(PathError) as caught:
        parse(text)
    assert str(caught.value).startswith(repr(text))
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
