"""Wrong names that only the API server can detect: `check` names each in one line, with the nearest name."""

import pytest

from lab.platform.manifests import custom_resource
from tests.clusters import CONFIGMAPS, NAMESPACE, a_configmap, a_namespace, a_run, a_server, a_status
from tests.commands.checking import NO_CONFIGMAPS, check, kinds, lines_of, reject_requests

TEMPLATES = "controller-agent-templates-"
NEWEST_PLATFORM = (
    a_namespace("cto"),
    a_configmap("controller-templates-shared", a="x")
    | {"metadata": {"name": "controller-templates-shared", "namespace": "cto"}},
    a_run("coderun-myproj-t42", namespace="cto", status={"phase": "Running"}),
)
AGENTTASKS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "agenttasks.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "agenttasks", "kind": "AgentTask"},
        "versions": [{"name": "v1", "served": True, "storage": True, "subresources": {"status": {}}}],
    },
}


def kind_agent_task(*, group="example.com", version="v1", plural="agenttasks", kind="AgentTask"):
    """An entry of `coderuns.kinds`, as YAML."""
    return f"{{group: {group}, version: {version}, plural: {plural}, kind: {kind}}}"


class TestOfConfigMaps:
    """ConfigMaps that the platform does not use are not missing."""

    LINE = (
        "ok  ConfigMaps: no ConfigMap is required, because namespace {} has none of "
        + TEMPLATES
        + "{{claude,codex,cursor,factory,integration,shared}}. "
        + "If the controller needs others, list them in configmaps.required."
    )

    @pytest.mark.parametrize(("config", "space"), [("", NAMESPACE), ("configmaps: {namespace: cto}", "cto")])
    async def test_the_newest_platform_is_healthy(self, tmp_path, config, space):
        """A line says that no ConfigMap is required, with the default namespace and with the platform's."""
        assert await lines_of(tmp_path, *NEWEST_PLATFORM, config=config) == [self.LINE.format(space)]

    async def test_one_of_the_default_names_makes_the_others_missing(self, tmp_path):
        """Older versions of the platform need all of them."""
        lines = await lines_of(tmp_path, a_configmap(f"{TEMPLATES}claude", a="x"), config="", code=1)
        assert [line.split() for line in lines[:2]] == [
            ["ok", "ConfigMap", f"{NAMESPACE}/{TEMPLATES}claude:", "1", "key,", "1", "byte"],
            ["UNHEALTHY", "ConfigMap", f"{NAMESPACE}/{TEMPLATES}codex:", "missing"],
        ]
        assert len(lines) == 6

    async def test_a_configmap_that_cannot_be_read_is_unknown(self, tmp_path):
        """It may exist, so that the default names may be required."""
        async with a_server() as server:
            reject_requests(server, CONFIGMAPS, lambda: a_status(403, "no"), named=f"{TEMPLATES}shared")
            code, lines = await check(server.url, tmp_path, config="")
        assert code == 2
        assert lines[0].startswith(
            f"UNKNOWN  ConfigMap {NAMESPACE}/{TEMPLATES}shared: not permitted: grant the verbs list and watch (403"
        )
        assert lines[1].startswith("ok  ConfigMaps: no ConfigMap is required")

    async def test_each_configmap_that_matches_a_pattern_is_checked(self, tmp_path):
        """A pattern without a match is missing under its own text. Names are checked as well."""
        found = [a_configmap("x-shared", a="x"), a_configmap("x-empty"), a_configmap("other", a="x")]
        config = "configmaps: {required: ['x-*', 'y-*', z]}"
        assert await lines_of(tmp_path, *found, config=config, code=1) == [
            f"UNHEALTHY  ConfigMap {NAMESPACE}/x-empty: empty",
            f"ok  ConfigMap {NAMESPACE}/x-shared: 1 key, 1 byte",
            f"UNHEALTHY  ConfigMap {NAMESPACE}/y-*: missing",
            f"UNHEALTHY  ConfigMap {NAMESPACE}/z: missing",
        ]

    async def test_a_pattern_is_listed_in_pages(self, tmp_path):
        """A page has fifty ConfigMaps, because each may have 1 MiB."""
        found = [a_configmap(f"x-{number}", a="x") for number in range(120)]
        assert len(await lines_of(tmp_path, *found, config="configmaps: {required: ['x-*']}")) == 120

    async def test_a_pattern_that_cannot_be_listed_is_one_unknown_line(self, tmp_path):
        """RBAC cannot grant a pattern, so the reason is the same for all patterns."""
        async with a_server() as server:
            reject_requests(server, CONFIGMAPS, lambda: a_status(403, "no"))
            code, lines = await check(server.url, tmp_path, config="configmaps: {required: ['x-*', 'y-*']}")
        assert code == 2
        assert [line for line in lines if "ConfigMap" in line] == [
            (
                f"UNKNOWN  ConfigMaps in namespace {NAMESPACE}: not permitted: "
                f"grant the verbs list and watch (403 at {CONFIGMAPS}: no)"
            )
        ]


class TestOfKinds:
    """Names of kinds that the API server does not have, or has in another form."""

    @pytest.mark.parametrize(
        ("kind", "line"),
        [
            (kind_agent_task(), None),
            (kind_agent_task(kind="Agenttask"), "agenttasks.example.com: its kind is AgentTask, not Agenttask"),
            (
                kind_agent_task(kind="Task"),
                "agenttasks.example.com: its kind is AgentTask, not Task, so the Jobs of its runs are not found",
            ),
            (
                kind_agent_task(plural="agenttask"),
                (
                    "agenttask in all namespaces: no such resource: example.com/v1 has no agenttask; "
                    "did you mean agenttasks?"
                ),
            ),
            (
                kind_agent_task(plural="tasks"),
                "tasks in all namespaces: no such resource: example.com/v1 has no tasks; did you mean agenttasks?",
            ),
            (
                kind_agent_task(version="v2"),
                "agenttasks in all namespaces: no such resource: example.com has no version v2, but v1",
            ),
            (
                kind_agent_task(group="exmaple.com"),
                (
                    "agenttasks in all namespaces: no such resource: there is no API group exmaple.com; "
                    "did you mean example.com?"
                ),
            ),
        ],
    )
    @pytest.mark.parametrize("first", [True, False])
    async def test_a_wrong_name_is_shown_with_the_right_one(self, tmp_path, kind, line, first):
        """It need not be the first kind."""
        config = kinds(kind) if first else kinds("{}", kind)
        lines = await lines_of(tmp_path, AGENTTASKS, config=config, code=1 if line else 0)
        assert [found.partition(" (")[0] for found in lines] == ([f"UNHEALTHY  {line}"] if line else [])

    async def test_a_second_kind_that_is_not_installed_is_ok(self, tmp_path):
        """`docsruns` is similar to `coderuns`, which is another configured kind."""
        config = kinds("{}", "{plural: docsruns, kind: DocsRun}")
        assert await lines_of(tmp_path, config=config) == [
            "ok  docsruns in all namespaces: no such resource; this kind is optional"
        ]

    async def test_another_configured_kind_is_never_proposed(self, tmp_path):
        """It may be very similar."""
        config = kinds(kind_agent_task(), kind_agent_task(plural="agenttaskz", kind="Other"))
        assert await lines_of(tmp_path, AGENTTASKS, config=config) == [
            "ok  agenttaskz in all namespaces: no such resource; this kind is optional"
        ]

    async def test_a_wrong_plural_is_found_by_its_kind(self, tmp_path):
        """The kind decides before the similarity of the plurals."""
        config = kinds("{plural: docs, kind: DocsRun}")
        (line,) = await lines_of(tmp_path, custom_resource("DocsRun"), config=config, code=1)
        assert "agents.platform/v1 has no docs; did you mean docsruns?" in line

    async def test_a_wrong_name_is_one_line_for_all_namespaces(self, tmp_path):
        """The name is wrong in all of them."""
        spaces = [a_namespace("a"), a_namespace("b")]
        lines = await lines_of(
            tmp_path,
            AGENTTASKS,
            *spaces,
            config=kinds(kind_agent_task(plural="agenttask")),
            args=["--namespaces=a,b"],
            code=1,
        )
        assert len(lines) == 1
        assert lines[0].startswith(
            "UNHEALTHY  agenttask in namespace a and namespace b: no such resource: example.com"
        )

    @pytest.mark.parametrize("answer", [lambda: a_status(403, "no"), lambda: a_status(500, "no")])
    async def test_without_discovery_the_lists_are_checked(self, tmp_path, answer):
        """Discovery only helps to name the nearest name."""
        async with a_server() as server:

            async def intercept(request):
                return answer() if request.path == "/apis/agents.platform/v1" else None

            server.intercept = intercept
            code, _ = await check(server.url, tmp_path, config=NO_CONFIGMAPS)
        assert code == 0


class TestOfNamespaces:
    """A list in a namespace that does not exist is empty, without an error."""

    async def test_a_namespace_that_does_not_exist_is_unhealthy(self, tmp_path):
        """Each is named once. The namespace of the ConfigMaps counts if the settings name it."""
        config = "namespaces: [agent-platfrom]\nconfigmaps: {namespace: ctoo}\n"
        lines = await lines_of(tmp_path, config=config, code=1)
        assert lines[:2] == [
            "UNHEALTHY  namespace agent-platfrom: does not exist",
            "UNHEALTHY  namespace ctoo: does not exist",
        ]

    async def test_without_permission_to_get_it_an_empty_namespace_is_a_note(self, tmp_path):
        """The exporter's own account cannot get namespaces. A namespace with an object exists."""
        async with a_server(a_namespace("one"), a_run(namespace="one")) as server:
            reject_requests(server, "/api/v1/namespaces", lambda: a_status(403, "no"))
            code, lines = await check(server.url, tmp_path, "--namespaces=one,nowhere", config=NO_CONFIGMAPS)
        assert code == 0
        assert [line for line in lines if "  namespace" in line] == [
            "note  namespace nowhere: nothing found in it, and no permission to get namespaces: check that it exists"
        ]
