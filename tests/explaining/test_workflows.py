"""`explain` of a run that an Argo Workflow owns: the chain begins at the workflow."""

import json
import re

import pytest

from tests.clusters import a_run, a_server
from tests.commands.in_process import call
from tests.explaining.objects import NS, a_dump, explain
from tests.workflows import CREATE, a_run_of, a_workflow, a_workflow_template, leaf, workflow_crds

WORKFLOW = a_workflow(leaf(), namespace=NS)
RUN = a_run_of(WORKFLOW, a_run("x-1", creationTimestamp="2025-10-09T09:00:00Z", status={"phase": "Running"}))
SETTINGS = "workflows: {enabled: true}\n"


def chain_in(out):
    """The rows of the chain, without the column AGE."""
    rows = out[out.index("Chain:") : out.index("Events:")].splitlines()[2:]
    return [re.sub(r"\s+(\d+[ydhms])+$", "", row.rstrip()) for row in rows]


def settings_file(folder):
    """The path of a settings file that switches workflows on."""
    path = folder / "settings.yml"
    path.write_text(SETTINGS)
    return f"--config.file={path}"


@pytest.mark.parametrize("name", [f"{NS}/x-1", ""])
async def test_the_chain_begins_at_the_workflow_and_its_step(tmp_path, name):
    """For one run, and in the list of all runs."""
    more = (WORKFLOW, a_workflow_template(CREATE, namespace=NS), RUN)
    async with a_server(*workflow_crds(), *more) as server:
        arguments = [*([name] if name else ()), settings_file(tmp_path)]
        _, out, _ = await explain(server, tmp_path, *arguments, "-o", "json")
        _, text, _ = await explain(server, tmp_path, f"{NS}/x-1", settings_file(tmp_path))
    found = json.loads(out)
    (run,) = [found] if name else found["items"]
    assert run["workflow"] == {
        "name": "play",
        "state": "Running",
        "created": "2025-10-09T08:52:20Z",
        "step": "implement.0.create",
        "stepStarted": "2025-10-09T08:53:20Z",
    }
    assert [" ".join(row.split()) for row in chain_in(text)] == [
        "Workflow play Running",
        "Step implement.0.create waits for the run",
        "CodeRun x-1 Running",
    ]
    assert [len(row) - len(row.lstrip()) for row in chain_in(text)] == [2, 4, 6]


async def test_the_name_of_the_workflow_needs_no_permission(tmp_path):
    """It is in the run. Without the setting, nothing of Argo is read."""
    async with a_server(*workflow_crds(), WORKFLOW, RUN) as server:
        _, out, _ = await explain(server, tmp_path, f"{NS}/x-1")
        assert not [request for request in server.requests if "argoproj" in request]
    assert [" ".join(row.split()) for row in chain_in(out)] == ["Workflow play not read", "CodeRun x-1 Running"]


async def test_a_workflow_that_has_completed_is_read_for_one_run(tmp_path):
    """A run may outlive the step that created it."""
    done = a_workflow(leaf(phase="Failed"), namespace=NS, phase="Failed")
    done["metadata"]["labels"] = {"workflows.argoproj.io/completed": "true"}
    async with a_server(*workflow_crds(), done, RUN) as server:
        _, out, _ = await explain(server, tmp_path, f"{NS}/x-1", settings_file(tmp_path))
    assert [" ".join(row.split()) for row in chain_in(out)] == ["Workflow play Failed", "CodeRun x-1 Running"]


async def test_a_workflow_is_read_only_in_the_namespace_of_its_run(tmp_path):
    """A note that those of another namespace may not be read would mislead."""
    path = tmp_path / "settings.yml"
    path.write_text(f"{SETTINGS}namespaces: [{NS}, other]\n")
    async with a_server(*workflow_crds(), WORKFLOW, RUN) as server:
        _, out, _ = await explain(server, tmp_path, f"{NS}/x-1", f"--config.file={path}")
        assert not [request for request in server.requests if "argoproj" in request and "/other/" in request]
    assert chain_in(out)[0].split()[:3] == ["Workflow", "play", "Running"]


async def test_without_argo_the_rest_of_the_chain_is_shown(tmp_path):
    """A note says what was not read."""
    async with a_server(RUN) as server:
        _, out, _ = await explain(server, tmp_path, f"{NS}/x-1", settings_file(tmp_path))
    assert [" ".join(row.split()) for row in chain_in(out)] == ["Workflow play not read", "CodeRun x-1 Running"]
    assert "Note: workflows were not read: " in out


def test_the_workflow_of_another_namespace_is_not_shown(tmp_path):
    """Any user may write any UID into an ownerReference."""
    other = a_workflow(leaf(), namespace="other")
    _, out, _ = call("explain", "-f", a_dump(tmp_path, [RUN, other]), f"{NS}/x-1")
    assert [" ".join(row.split()) for row in chain_in(out)] == ["Workflow play not read", "CodeRun x-1 Running"]


def test_a_dump_with_workflows(tmp_path):
    """No setting is needed: a dump has what its author chose."""
    _, out, _ = call("explain", "-f", a_dump(tmp_path, [WORKFLOW, RUN]), f"{NS}/x-1")
    assert [" ".join(row.split()) for row in chain_in(out)] == [
        "Workflow play Running",
        "Step implement.0.create waits for the run",
        "CodeRun x-1 Running",
    ]


def test_a_dump_of_workflows_alone_is_no_dump_of_runs(tmp_path):
    """There is nothing to explain."""
    code, _, err = call("explain", "-f", a_dump(tmp_path, [WORKFLOW]))
    assert (code, "no runs, Jobs or Pods" in err) == (2, True)
