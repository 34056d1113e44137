"""Findings about the settings that come from the runs in a cluster: phases, paths, agents."""

import pytest
from aiohttp import web

from tests.clusters import a_job, a_run, a_server
from tests.commands.checking import NO_CONFIGMAPS, OPTIONAL, check, kinds, lines_of


async def test_phases_in_no_state_are_named_and_counted(tmp_path):
    """Runs with such a phase count as open. The check reports it as a note."""
    runs = [a_run(name, status={"phase": "Paused"}) for name in "abc"]
    runs += [a_run("d", status={"phase": "Odd\n"}), a_run("e", status={"phase": "Running"}), a_run("f")]
    both = r"'Paused' (3 runs), 'Odd\n' (1 run)"
    assert await lines_of(tmp_path, *runs) == [
        f"note  coderuns: .status.phase: 5 of 6 runs have a value; {both} are not in any state rule: state open",
    ]


async def test_phases_of_the_settings_are_not_named(tmp_path):
    """A phase that the settings list is not reported, whatever its state is."""
    config = NO_CONFIGMAPS + "coderuns: {kinds: [{state: [{waiting: [Paused]}]}]}\n"
    assert await lines_of(tmp_path, a_run(status={"phase": "Paused"}), config=config) == []


async def test_an_agent_without_runs_is_named_with_the_nearest_one(tmp_path):
    """It is a note: the agent may have no work at present."""
    config = NO_CONFIGMAPS + "thresholds: {agents: {tes: {}, Tess: {}, cipher: {}}}\n"
    assert await lines_of(tmp_path, a_run(), config=config) == [
        "note  thresholds.agents.tes: no run has this agent; did you mean 'tess'?",
        "note  thresholds.agents.cipher: no run has this agent",
    ]


async def test_an_agent_of_jobs_that_are_runs_is_known(tmp_path):
    """The thresholds of an agent apply to these Jobs."""
    config = kinds("coderuns.agents.platform", "jobs.batch") + "thresholds: {agents: {nightly: {}, nighty: {}}}\n"
    job = a_job()
    job["metadata"] |= {"labels": {"app.kubernetes.io/managed-by": "agents", "agent": "Nightly"}}
    job["metadata"] |= {"ownerReferences": []}
    assert await lines_of(tmp_path, a_run(), job, config=config) == [
        "note  thresholds.agents.nighty: no run has this agent; did you mean 'nightly'?",
    ]


async def test_without_runs_agents_are_not_checked(tmp_path):
    """One line says that there are no runs."""
    config = NO_CONFIGMAPS + "thresholds: {agents: {tes: {}}}\n"
    assert await lines_of(tmp_path, config=config, without="") == [
        "ok  coderuns in all namespaces: can be listed and watched, none found",
        "ok  jobs in all namespaces: can be listed and watched, no agent Jobs found",
        *OPTIONAL,
    ]


async def test_all_runs_are_read(tmp_path):
    """A list may have several pages."""
    config = NO_CONFIGMAPS + "thresholds: {agents: {rex: {}}}\n"
    lines = await lines_of(tmp_path, *(a_run(f"r{n}") for n in range(501)), config=config, without="jobs|Jobs|events")
    assert "with a value in all 501 runs; " in lines[1]
    assert lines[2].startswith("note  coderuns: no run has a value at .status.phase, which decides the state")
    assert [lines[0], *lines[3:]] == [
        "ok  coderuns in all namespaces: can be listed and watched, 501 found",
        "note  thresholds.agents.rex: no run has this agent",
    ]


async def test_only_selected_runs_and_jobs_are_read(tmp_path):
    """The exporter has the same selector."""
    assert await lines_of(tmp_path, a_run(), a_job(), args=["--label-selector=a=b"], without="") == [
        "ok  coderuns in all namespaces: can be listed and watched, none found",
        "ok  jobs in all namespaces: can be listed and watched, no agent Jobs found",
        *OPTIONAL,
    ]


async def test_paths_of_jobs_that_are_runs_are_counted_by_their_labels(tmp_path):
    """Each profile of Jobs counts only its own Jobs."""
    one = "of 3 paths, 2 with a value in 1 run"
    config = kinds("coderuns.agents.platform", "jobs.batch", "buildkite")
    job = a_job()
    job["metadata"] |= {"labels": {"app.kubernetes.io/managed-by": "agents", "agent": "Nightly"}}
    job["metadata"] |= {"ownerReferences": []}
    assert await lines_of(tmp_path, job, a_job("other"), config=config, without="can be listed") == [
        f"ok  profile of jobs.batch: {one}; no value: about.cli (.metadata.labels.cli)"
    ]


async def test_a_mapping_that_replaces_the_shipped_one_is_a_note(tmp_path):
    """The keys of the two are not merged."""
    config = NO_CONFIGMAPS + "coderuns: {kinds: [{about: {agent: .spec.githubApp}, times: {}}]}\n"
    lost = "service, task_id, cli, model, repository, workflow, run_type, message, attempt"
    of = "of the shipped profile coderuns.agents.platform without"
    assert await lines_of(tmp_path, a_run(), config=config) == [
        f"note  coderuns.kinds[0].about: replaces about {of} {lost}",
        f"note  coderuns.kinds[0].times: replaces times {of} finished, work_completed",
    ]


@pytest.mark.parametrize(
    ("document", "notes"),
    [
        (
            {"properties": {"spec": {"properties": {"model": {}}}, "status": {"properties": {"phase": {}}}}},
            [
                ("state[0].path", ".status.phse", ".status.phase"),
                ("about.model", ".spec.modle", ".spec.model"),
            ],
        ),
        ({"properties": {"spec": {}, "status": {"x-kubernetes-preserve-unknown-fields": True}}}, []),
        ([], []),
        (None, []),
    ],
)
async def test_a_path_that_the_schema_does_not_have_is_a_note(tmp_path, document, notes):
    """Every account can read the schema: it is in the OpenAPI of the API server. Other responses are ignored."""
    given = "{state: [{path: .status.phse, open: [absent]}], about: {model: .spec.modle}}"
    config = f"{NO_CONFIGMAPS}coderuns: {{kinds: [{given}]}}\n"
    kind = {"group": "agents.platform", "version": "v1", "kind": "CodeRun"}
    async with a_server() as server:

        async def intercept(request):
            if request.path != "/openapi/v3/apis/agents.platform/v1":
                return None
            if isinstance(document, dict):
                one = document | {"x-kubernetes-group-version-kind": [kind]}
                return web.json_response({"components": {"schemas": {"x": {}, "y": one}}})
            return web.json_response(document)

        server.intercept = intercept
        code, lines = await check(server.url, tmp_path, config=config)
    assert code == 0
    assert [line for line in lines if "schema" in line] == [
        f"note  coderuns.kinds[0].{key}: {path} is not in the schema of the CRD; did you mean {near}?"
        for key, path, near in notes
    ]
