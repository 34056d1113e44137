"""Each value set to null. Helm removes the value, and the templates use its default."""

import functools
import json

import pytest

from lab import fast_yaml
from tests.deploy.rendering import CHART, helm, render_chart

pytestmark = [pytest.mark.needs("helm"), pytest.mark.timeout(120)]

EVERYTHING = {
    "serviceMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "prometheus": {"enabled": True},
    "dashboards": {"enabled": True},
    "webConfig": {"secret": "s"},
}
REMOVABLE = ("resources.", "dashboards.labels.", "podSecurityContext.", "securityContext.", "policyLimits.")
"""Maps with free keys: a null in them removes the key."""


def paths_of(tree, prefix=()):
    """The paths of all values, including sections and keys of free maps."""
    for key, below in tree.items():
        yield (*prefix, key)
        if isinstance(below, dict):
            yield from paths_of(below, (*prefix, key))


PATHS = [*paths_of(fast_yaml.load((CHART / "values.yaml").read_text()))]


def with_null(path):
    """The values EVERYTHING with this value set to null."""
    values = json.loads(json.dumps(EVERYTHING))
    tree = values
    for key in path[:-1]:
        tree = tree.setdefault(key, {})
    tree[path[-1]] = None
    return values


def without_value(path):
    """The values EVERYTHING without this value."""
    values = json.loads(json.dumps(EVERYTHING))
    tree = values
    for key in path[:-1]:
        tree = tree.get(key, {})
    tree.pop(path[-1], None)
    return values


@functools.cache
def rendered_with_everything(values):
    """The objects for these values, which are JSON. Each is rendered once."""
    return render_chart(json.loads(values))


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_a_value_that_is_null_has_its_default(path):
    """If there is no default, the error is one line. In a map with free keys a null removes the key."""
    done = helm("template", with_null(path), "--kube-version=1.36")
    if done.returncode != 0:
        assert path == ("policyLimits", "default")
        assert [line for line in done.stderr.splitlines() if "at '/" in line] == [
            "- at '/policyLimits': missing property 'default'"
        ]
        return
    made = [item for item in fast_yaml.load_all(done.stdout) if item]
    if not ".".join(path).startswith(REMOVABLE):
        assert made == rendered_with_everything(json.dumps(without_value(path)))


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        ("resources.limits", ("Deployment", "limits")),
        ("securityContext.readOnlyRootFilesystem", ("Deployment", "readOnlyRootFilesystem")),
        ("podSecurityContext.seccompProfile", ("Deployment", "seccompProfile")),
        ("dashboards.labels.grafana_dashboard", ("ConfigMap", "grafana_dashboard")),
    ],
)
def test_a_null_removes_a_key_of_a_free_map(path, gone):
    """An example is a limit. A parent chart has no other means to remove it."""
    kind, word = gone
    before, after = (
        json.dumps([item["spec"] if "spec" in item else item["metadata"] for item in made if item["kind"] == kind])
        for made in (
            rendered_with_everything(json.dumps(EVERYTHING)),
            render_chart(with_null(tuple(path.split(".")))),
        )
    )
    assert word in before
    assert word not in after


def test_all_sections_can_be_null():
    """The objects are those of the defaults."""
    keys = {path[0] for path in PATHS}
    assert render_chart(dict.fromkeys(keys)) == render_chart({})
