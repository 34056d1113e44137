"""The generated manifests grant exactly the lists and watches of the exporter."""

import re

import pytest

from exporter.config import (
    CodeRuns,
    ConfigMaps,
    Events,
    Logs,
    Pods,
    RequiredConfigMap,
    Settings,
    Web,
    Workflows,
)
from exporter.informers import informers
from exporter.profiles import Profile
from exporter.rbac import Account, GrantError, manifests
from exporter.telemetry import Telemetry

OTHER_KINDS = CodeRuns(kinds=(Profile(group="orchestrator.platform"), Profile(plural="docsruns", kind="DocsRun")))
SETTINGS = {
    "the defaults": Settings(),
    "one namespace, which has the ConfigMaps too": Settings(namespaces=("agent-platform",)),
    "two namespaces, one of them twice": Settings(namespaces=("a", "b", "a")),
    "two kinds of two groups": Settings(coderuns=OTHER_KINDS),
    "ConfigMaps elsewhere, one with keys and one twice": Settings(
        namespaces=("a",),
        configmaps=ConfigMaps(namespace="t", required=(RequiredConfigMap(name="x.y", keys=("k",)), "z", "z")),
    ),
    "ConfigMaps by a pattern": Settings(configmaps=ConfigMaps(namespace="t", required=("x-*", "y"))),
    "Pods as workers": Settings(
        namespaces=("a", "b"), coderuns=CodeRuns(kinds=("tasks.kubeopencode.io", "tasks.kelos.dev"))
    ),
    "runs that are workers": Settings(
        coderuns=CodeRuns(kinds=("sandboxclaims.extensions.agents.x-k8s.io", "sandboxes.agents.x-k8s.io"))
    ),
    "neither Pods nor Events": Settings(pods=Pods(enabled=False), events=Events(enabled=False)),
    "logs of two namespaces": Settings(namespaces=("a", "b", "a"), logs=Logs(enabled=True)),
    "logs of all namespaces": Settings(logs=Logs(enabled=True)),
    "workflows of all namespaces": Settings(workflows=Workflows(enabled=True)),
    "workflows of two namespaces": Settings(namespaces=("a", "b"), workflows=Workflows(enabled=True)),
    "no ConfigMaps": Settings(configmaps=ConfigMaps(required=())),
    "kinds that require no ConfigMaps": Settings(coderuns=CodeRuns(kinds=("tasks.kelos.dev", "jobs.batch"))),
}
ACCOUNT = Account(name="reader", namespace="monitoring")
PATH = re.compile(
    r"/apis?/(?:(?P<group>[^/]*\.[^/]*|batch)/)?v1\w*(?:/namespaces/(?P<namespace>[^/]+))?/(?P<resource>\w+)"
)


def granted_permissions(made):
    """The (group, resource, namespace or None, name or None, verb) of each permission."""
    return {
        (group, resource, role["metadata"].get("namespace"), name, verb)
        for role in made
        for rule in role.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [None])
        for verb in rule["verbs"]
    }


def required_permissions(settings):
    """The same tuples for the requests of the exporter, from their paths and selectors."""
    for informer in informers(settings, telemetry=Telemetry(clock=lambda: 0.0), on_demand=True):
        parts = PATH.fullmatch(informer.path)
        selected = informer.params.get("fieldSelector", "")
        name = selected.removeprefix("metadata.name=") if selected.startswith("metadata.name=") else None
        for verb in ("list", "watch"):
            yield parts["group"] or "", parts["resource"], parts["namespace"], name, verb
    for scope in (settings.namespaces or [None]) if settings.logs.enabled else ():
        yield "", "pods/log", scope, None, "get"


@pytest.mark.parametrize("case", SETTINGS)
def test_exactly_the_requests_of_the_exporter_are_granted(case):
    """Group, resource, namespace and name of each list and watch are compared."""
    assert granted_permissions(manifests(SETTINGS[case], account=ACCOUNT)) == set(
        required_permissions(SETTINGS[case])
    )


@pytest.mark.parametrize("case", SETTINGS)
def test_each_role_is_bound_to_the_service_account(case):
    """All namespaces need a ClusterRole, otherwise each has a Role. Names are unique per kind and namespace."""
    made = manifests(SETTINGS[case], account=ACCOUNT)
    for role, binding in zip(made[::2], made[1::2], strict=True):
        assert (role["kind"], binding["kind"]) in {("ClusterRole", "ClusterRoleBinding"), ("Role", "RoleBinding")}
        assert binding["metadata"] == role["metadata"]
        assert ("namespace" in role["metadata"]) == (role["kind"] == "Role")
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == (role["kind"], role["metadata"]["name"])
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "reader", "namespace": "monitoring"}]
    places = [(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in made]
    assert len(places) == len(set(places))


@pytest.mark.parametrize("case", ["no ConfigMaps", "kinds that require no ConfigMaps", "runs that are workers"])
def test_without_required_configmaps_there_is_no_rule_for_them(case):
    """A rule with an empty list of names would grant access to all ConfigMaps."""
    made = manifests(SETTINGS[case], account=ACCOUNT)
    assert [item["kind"] for item in made] == ["ClusterRole", "ClusterRoleBinding"]


def test_configmaps_that_the_settings_name_are_granted_for_any_kind():
    """The default set is granted if at least one kind requires it."""
    other = CodeRuns(kinds=("tasks.kelos.dev",))
    named = Settings(coderuns=other, configmaps=ConfigMaps(required=("a",)))
    both = Settings(coderuns=CodeRuns(kinds=("tasks.kelos.dev", "coderuns.agents.platform")))
    names = [manifests(settings, account=ACCOUNT)[2]["rules"][0]["resourceNames"] for settings in (named, both)]
    assert (names[0], len(names[1])) == (["a"], 6)


def test_a_pattern_requires_access_to_all_configmaps_of_its_namespace():
    """RBAC has no patterns. The Role only grants list and watch, in one namespace."""
    role = manifests(SETTINGS["ConfigMaps by a pattern"], account=ACCOUNT)[2]
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", "t")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}]


def test_manifests_of_two_exporters_do_not_overwrite_each_other():
    """Objects of the same name and namespace are identical in both manifests."""
    places = [
        {
            (item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]): item
            for item in manifests(Settings(namespaces=names), account=ACCOUNT)
        }
        for names in (("agent-platform",), ("other",))
    ]
    shared = places[0].keys() & places[1].keys()
    assert len(shared) == 2
    assert all(places[0][place] == places[1][place] for place in shared)


@pytest.mark.parametrize(
    ("settings", "account", "error_text"),
    [
        ({"coderuns": CodeRuns(kinds=(Profile(plural="*"),))}, ACCOUNT, "'*' is not the name of a resource"),
        (
            {"coderuns": CodeRuns(kinds=(Profile(plural="jobs/status"),))},
            ACCOUNT,
            "'jobs/status' is not the name of a",
        ),
        ({"coderuns": CodeRuns(kinds=(Profile(group="*"),))}, ACCOUNT, "'*' is not the name of an API group"),
        ({"coderuns": CodeRuns(kinds=(Profile(group=""),))}, ACCOUNT, "'' is not the name of an API group"),
        ({"configmaps": ConfigMaps(required=("",))}, ACCOUNT, "'' is not the name of a ConfigMap"),
        ({"configmaps": ConfigMaps(required=("a/*",))}, ACCOUNT, "'a/*' is not the name of a ConfigMap"),
        ({}, Account(name="A"), "'A' is not the name of a ServiceAccount"),
        ({}, Account(namespace="a.b"), "'a.b' is not the name of a namespace"),
    ],
)
def test_a_name_that_would_grant_more_is_rejected(settings, account, error_text):
    """`*` matches everything, and an empty resourceName matches the list of all objects."""
    with pytest.raises(GrantError) as error:
        manifests(Settings(**settings), account=account)
    assert str(error.value).startswith(error_text)


def test_token_reviews_are_granted_only_if_enabled():
    """The binding refers to system:auth-delegator. Its name contains the namespace and is thus unique."""
    without = manifests(Settings(namespaces=("a",)), account=ACCOUNT)
    (binding,) = manifests(Settings(namespaces=("a",), web=Web(kubernetes_auth=True)), account=ACCOUNT)[
        len(without) :
    ]
    assert "auth-delegator" not in str(without)
    assert binding["kind"] == "ClusterRoleBinding"
    assert binding["metadata"]["name"] == "reader-monitoring-auth-delegator"
    assert binding["roleRef"]["name"] == "system:auth-delegator"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "reader", "namespace": "monitoring"}]
