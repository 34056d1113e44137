"""Pods that terminate, put into the stand-in without HTTP."""

from lab.apiserver import StandInApiServer


def test_a_pod_that_terminates_can_be_put_in():
    """As it is: a simulation's pods have neither a kubelet nor a clock that ends them."""
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


def test_a_pod_on_no_node_is_gone_at_once():
    """Nothing of it runs."""
    server = StandInApiServer()
    server.load([{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"}}])
    server.store.delete("pods", "p", namespace="default")
    assert server.store.get("pods", "p", namespace="default") is None
