"""Pods of Jobs and Events in `check`: if they cannot be read, it is a note, because metrics do not depend on them."""

import pytest

from tests.clusters import a_server, a_status
from tests.commands.checking import NO_CONFIGMAPS, OPTIONAL, check, reject_requests
from tests.workflows import CREATE, a_workflow_template, workflow_crds

NOTES = {
    "/api/v1/pods": (
        "note  pods of Jobs in all namespaces: not permitted: grant the verbs list and watch"
        " (403 at /api/v1/pods: no); without them, causes do not name what the Pods of Jobs wait for"
    ),
    "/apis/events.k8s.io/v1/events": (
        "note  events in all namespaces: not permitted: grant the verbs list and watch"
        " (403 at /apis/events.k8s.io/v1/events: no); without them, causes do not have the words of Events"
    ),
}


@pytest.mark.parametrize("path", NOTES)
async def test_a_role_without_the_new_permissions_is_healthy(tmp_path, path):
    """`check` as an init container must not stop an upgrade."""
    async with a_server() as server:
        reject_requests(server, path, lambda: a_status(403, "no"))
        code, lines = await check(server.url, tmp_path, config=NO_CONFIGMAPS)
    assert code == 0
    assert [line for line in lines if line.startswith("note")] == [NOTES[path]]


async def test_events_are_not_listed_to_check_the_permission(tmp_path):
    """A cluster may have 100,000 of them."""
    async with a_server() as server:
        await check(server.url, tmp_path, config=NO_CONFIGMAPS)
        event_requests = [request for request in server.requests if "events.k8s.io" in request]
    assert event_requests
    assert all("metadata.name%3Dcoderun-exporter-check" in request for request in event_requests)


async def test_resources_that_the_settings_disable_are_not_checked(tmp_path):
    """They are not listed either."""
    config = NO_CONFIGMAPS + "pods: {enabled: false}\nevents: {enabled: false}\n"
    async with a_server() as server:
        code, lines = await check(server.url, tmp_path, config=config)
        assert not [request for request in server.requests if "pods" in request or "events.k8s" in request]
    assert code == 0
    assert not set(lines) & set(OPTIONAL)


WORKFLOWS = NO_CONFIGMAPS + "workflows: {enabled: true}\n"


async def test_workflows_are_checked_if_they_are_read(tmp_path):
    """A step without a time limit is a note: it is no error of the exporter, and `check` may be an init container."""
    many = [{**CREATE, "name": f"t{number}"} for number in range(7)]
    async with a_server(*workflow_crds(), a_workflow_template(*many), a_workflow_template(name="good")) as server:
        code, lines = await check(server.url, tmp_path, config=WORKFLOWS)
    assert code == 0
    assert "ok  workflows in all namespaces: can be listed and watched" in lines
    (note,) = [line for line in lines if line.startswith("note")]
    assert note == (
        "note  workflow template n/play-workflow-template: no time limit: t0, t1, t2, t3, t4 and 2 more may wait for"
        " a run for ever; set timeout on each of these templates"
    )


async def test_a_cluster_without_argo_is_healthy(tmp_path):
    """Both resources are optional."""
    async with a_server() as server:
        code, lines = await check(server.url, tmp_path, config=WORKFLOWS)
    assert code == 0
    assert [line.partition(":")[0] for line in lines if line.startswith("note")] == [
        "note  workflows in all namespaces",
        "note  workflow templates in all namespaces",
    ]
