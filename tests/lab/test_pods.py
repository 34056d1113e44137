"""Pods that are terminating, loaded into the stand-in API server without HTTP."""

from lab.apiserver import StandInApiServer


def test_a_terminating_pod_can_be_loaded():
    """It stays as it is, because a simulation has no kubelet that would end it."""
    server = StandInApiServer()
    meta = {"name": "p", "namespace": "default", "deletionTimestamp": "2025-01-01T00:00:30Z"}
    status = {"phase": "Running"}
    server.load([{"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": status}])
    kept = server.store.get("pods", "p", namespace="default")
    assert kept["metadata"]["deletionGracePeriodSeconds"] == 30
    server.load([kept | {"status": {"phase": "Failed"}}])
    assert server.store.get("pods", "p", namespace="default")["status"] == {"phase": "Failed"}
    server.load([kept | {"metadata": kept["metadata"] | {"deletionGracePeriodSeconds": 0}}])
    assert server.store.get("pods", "p", namespace="default") is None


def test_a_pod_without_a_node_is_deleted_at_once():
    """It has no process."""
    server = StandInApiServer()
    server.load([{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"}}])
    server.store.delete("pods", "p", namespace="default")
    assert server.store.get("pods", "p", namespace="default") is None
