"""A ConfigMap as large as Kubernetes takes it."""

import base64

import pytest

from lab.controlplane.objects import config_map
from lab.controlplane.platform_namespace import CLAUDE, PlatformNamespace
from lab.waiting import until
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject

pytestmark = pytest.mark.timeout(180)

LIMIT = 1_048_576  # bytes of values, those of binaryData decoded
CHANGES = 12


@pytest.mark.fault("1 MiB ConfigMap that changes continuously")
def test_a_configmap_at_the_limit_costs_a_moment_and_no_memory(
    platform: PlatformNamespace, subject: Subject, report: Report
):
    """A line of 1.2 MB each time, in data and in binaryData; what is kept of it are two numbers."""
    late = subject.late(seconds="0.5")
    with subject.enduring() as endured:
        for number in range(CHANGES):
            platform.ask("PUT", f"{platform.config_maps}/{CLAUDE}", _full(number))
        until(lambda: subject.value("configmap_keys", configmap=CLAUDE) == 2 + CHANGES - 1, what="the last is told")
        assert _size(subject) == LIMIT
        assert subject.value("configmap_health", configmap=CLAUDE) == 1
        assert subject.value("configmap_problem", configmap=CLAUDE, problem="near_limit") == 1
        platform.set_templates({"code_implement.sh": "#!/bin/sh"})
        endured.mended()
        until(lambda: _size(subject) == len("#!/bin/sh"), what="it is small again")
    report.note(endured)
    assert subject.late(seconds="0.5") == late
    assert not endured.turns
    assert subject.value("configmap_problem", configmap=CLAUDE, problem="near_limit") == 0


def _full(number: int) -> dict[str, object]:
    """Half of it text, half of it bytes, and each time one more key."""
    text = {f"extra-{key}": "\n" for key in range(number)}
    half = LIMIT // 2
    data = {"code_implement.sh": '"' * (half // 8) + "é" * ((half - half // 8) // 2)}
    binary = base64.b64encode(bytes(range(256)) * (half // 256))[: -4 * number or None]
    left = (
        LIMIT - len(base64.b64decode(binary)) - sum(len(each.encode()) for each in (*data.values(), *text.values()))
    )
    data["code_implement.sh"] += "x" * left
    return config_map(CLAUDE, data=data | text) | {"binaryData": {"logo.png": binary.decode()}}


def _size(subject: Subject) -> float:
    return subject.value("configmap_size_bytes", configmap=CLAUDE)
