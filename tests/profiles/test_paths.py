"""Paths: what kubectl reads as one, and one line for what it does not."""

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
def test_a_path_is_read_as_kubectl_reads_it(text, steps):
    """Names, dots in names, an index, an item by one of its fields."""
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
def test_what_is_no_path_is_named_with_what_would_be_right(text, line):
    """In one line, which begins with the path."""
    with pytest.raises(PathError) as caught:
        parse(text)
    assert str(caught.value).startswith(repr(text))
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
