"""Pods of Jobs and Events in `check`: if they cannot be read, it is a note, because metrics do not depend on them."""

import pytest

from tests.clusters import a_server, a_status
from tests.commands.checking import NO_CONFIGMAPS, OPTIONAL, check, reject_requests

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
