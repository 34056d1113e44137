"""The next command depends on the evidence."""

import pytest

from exporter.diagnosis.finding import Subject, found

POD = Subject("pod", "n", "p", "agent", "w-1")


@pytest.mark.parametrize(
    ("cause", "evidence", "command"),
    [
        ("unschedulable", "3 node(s) exceed max volume count", "get csinodes"),
        ("unschedulable", "3 node(s) didn't match pod topology spread constraints", "topologySpreadConstraints"),
        ("unschedulable", "3 cannot allocate all claims", "-n n get resourceclaims"),
        ("unschedulable", 'DeviceClass "gpu" does not exist', "get deviceclasses"),
        ("unschedulable", "3 node(s) didn't match Pod's node affinity/selector", "get nodes --show-labels"),
        ("unschedulable", "1 Insufficient cpu, 1 node(s) had untolerated taint {a: b}", "describe pod p"),
        ("admission_denied", 'pod rejected: RuntimeClass "kata" not found', "get runtimeclasses"),
        ("container_cannot_be_created", 'no runtime for "kata" is configured', "get runtimeclasses"),
        ("container_cannot_be_created", "failed to get sandbox image", "describe nodes w-1"),
        ("container_cannot_be_created", "DRA driver gpu.example.com is not registered", "get resourceslices"),
        ("container_cannot_be_created", "something", "-n n describe pod p"),
    ],
)
def test_the_text_decides(cause, evidence, command):
    """Without a text that decides, it is the command of the cause."""
    assert command in found(cause, evidence, about=POD).next
