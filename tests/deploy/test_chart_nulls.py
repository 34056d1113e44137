"""Every value set to null: Helm takes it away, and the chart gives its default back."""

import functools
import json

import pytest

from lab import fast_yaml
from tests.deploy.rendering import CHART, charted, helm

pytestmark = [pytest.mark.needs("helm"), pytest.mark.timeout(120)]

ON = {
    "serviceMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "prometheus": {"enabled": True},
    "dashboards": {"enabled": True},
    "webConfig": {"secret": "s"},
}
TAKEN_AWAY = ("resources.", "dashboards.labels.", "podSecurityContext.", "securityContext.", "policyLimits.")
"""Maps of the user's own: below them a null takes away what is there."""


def paths_of(tree, prefix=()):
    """The path of every value, sections and what is below free maps included."""
    for key, below in tree.items():
        yield (*prefix, key)
        if isinstance(below, dict):
            yield from paths_of(below, (*prefix, key))


PATHS = [*paths_of(fast_yaml.load((CHART / "values.yaml").read_text()))]


def nulled(path):
    """Values in which everything is switched on and one value is null."""
    values = json.loads(json.dumps(ON))
    tree = values
    for key in path[:-1]:
        tree = tree.setdefault(key, {})
    tree[path[-1]] = None
    return values


def without(path):
    """The same with the value left out."""
    values = json.loads(json.dumps(ON))
    tree = values
    for key in path[:-1]:
        tree = tree.get(key, {})
    tree.pop(path[-1], None)
    return values


@functools.cache
def rendered_with_everything(values):
    """The objects for values, which are text, once."""
    return charted(json.loads(values))


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_a_value_that_is_null_has_its_default(path):
    """Or is one line, where there is no such thing; below a map of the user's own it takes away what is there."""
    done = helm("template", nulled(path), "--kube-version=1.36")
    if done.returncode != 0:
        assert path == ("policyLimits", "default")
        assert [line for line in done.stderr.splitlines() if "at '/" in line] == [
            "- at '/policyLimits': missing property 'default'"
        ]
        return
    made = [item for item in fast_yaml.load_all(done.stdout) if item]
    if not ".".join(path).startswith(TAKEN_AWAY):
        assert made == rendered_with_everything(json.dumps(without(path)))


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        ("resources.limits", ("Deployment", "limits")),
        ("securityContext.readOnlyRootFilesystem", ("Deployment", "readOnlyRootFilesystem")),
        ("podSecurityContext.seccompProfile", ("Deployment", "seccompProfile")),
        ("dashboards.labels.grafana_dashboard", ("ConfigMap", "grafana_dashboard")),
    ],
)
def test_below_a_map_of_the_users_own_null_takes_away(path, gone):
    """Such as a limit; a parent chart cannot do it otherwise."""
    kind, word = gone
    before, after = (
        json.dumps([item["spec"] if "spec" in item else item["metadata"] for item in made if item["kind"] == kind])
        for made in (rendered_with_everything(json.dumps(ON)), charted(nulled(tuple(path.split(".")))))
    )
    assert word in before
    assert word not in after


def test_all_sections_null_at_once_are_the_defaults():
    """Everything that the file of values has, at the top."""
    keys = {path[0] for path in PATHS}
    assert charted(dict.fromkeys(keys)) == charted({})
