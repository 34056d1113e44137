"""Argo Workflows in the running exporter: their metrics, and operation without Argo."""

import functools

import pytest

from exporter.config import ConfigMaps, Workflows
from tests.clusters import a_run, a_server, a_status, until
from tests.exporting import an_exporter, metrics_of, readiness, reject_requests, short_intervals
from tests.workflows import CREATE, a_run_of, a_workflow, a_workflow_template, leaf, workflow_crds

__all__ = ["short_intervals"]

SETTINGS = {"configmaps": ConfigMaps(required=()), "workflows": Workflows(enabled=True)}
NAMES = ("workflows", "workflowtemplates")


def in_state(app, state):
    """Whether both resources are in this state."""
    states = {one.resource: one.state for one in app.health.statuses if one.resource in NAMES}
    return states == dict.fromkeys(NAMES, state)


async def test_the_steps_of_a_workflow_are_exposed_until_it_completes(tmp_path):
    """The API server sends a workflow that leaves the selector as deleted."""
    workflow = a_workflow(leaf(), namespace="agent-platform")
    run = a_run_of(workflow, a_run("x-1", creationTimestamp="2025-10-09T09:00:00Z"))
    template = a_workflow_template(CREATE, namespace="agent-platform")
    async with (
        a_server(*workflow_crds(), workflow, template, run) as server,
        an_exporter(server.url, tmp_path, **SETTINGS) as app,
    ):
        await until(lambda: app.health.is_ready() and in_state(app, "watching"))
        page = await metrics_of(app)
        assert page.labels("workflow_step_started_timestamp_seconds", "step") == ["implement.0.create"]
        assert page.labels("workflow_step_coderun_created_timestamp_seconds", "coderun") == ["x-1"]
        assert page.labels("workflow_template_unbounded_step", "step") == ["create-coderun-resource"]
        completed = a_workflow(leaf(phase="Succeeded"), namespace="agent-platform", phase="Succeeded")
        completed["metadata"]["labels"] = {"workflows.argoproj.io/completed": "true"}
        server.load([completed])
        await until(lambda: not len(app.store.cache.table("workflows")))
        page = await metrics_of(app)
        assert page.labels("workflow_step_started_timestamp_seconds", "step") == []


async def test_without_argo_there_is_only_a_state(tmp_path):
    """The exporter is ready, and an optional resource that is missing raises no alert."""
    async with a_server(a_run()) as server, an_exporter(server.url, tmp_path, **SETTINGS) as app:
        await until(lambda: app.health.is_ready() and in_state(app, "missing"))
        page = await metrics_of(app)
        for name in NAMES:
            assert page.values("coderun_exporter_resource_not_granted", resource=name) == [1]
            assert page.values("coderun_exporter_resource_required", resource=name) == [0]
        assert page.values("coderun_state", state="open") == [1]
        assert (await readiness(app))[0] == 200
        server.load([*workflow_crds(), a_workflow(leaf(), namespace="agent-platform")])
        await until(lambda: in_state(app, "watching"))
        page = await metrics_of(app)
        assert page.labels("workflow_step_started_timestamp_seconds", "step") == ["implement.0.create"]


@pytest.mark.parametrize("status", [403, 500])
async def test_a_failed_list_of_workflows_affects_nothing_else(tmp_path, status):
    """Without the permission, or with an API server that fails only for them."""
    async with a_server(a_run(), *workflow_crds()) as server:
        reject_requests(server, functools.partial(a_status, status, "no"), "/apis/argoproj.io")
        async with an_exporter(server.url, tmp_path, **SETTINGS) as app:
            await until(app.health.is_ready)
            await until(lambda: in_state(app, "forbidden" if status == 403 else "unreachable"))
            assert (await metrics_of(app)).values("coderun_state", state="open") == [1]


async def test_without_the_setting_nothing_of_argo_is_requested(tmp_path):
    """It is off by default."""
    settings = {"configmaps": ConfigMaps(required=())}
    async with a_server(*workflow_crds()) as server, an_exporter(server.url, tmp_path, **settings) as app:
        await until(app.health.is_ready)
        assert not [request for request in server.requests if "argoproj" in request]
