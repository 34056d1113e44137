"""Answers that come slowly: as long as something comes, nothing is given up."""

import pytest

from lab.controlplane.platform_namespace import PlatformNamespace
from lab.faults.fault import Fault
from lab.faults.proxy import FaultProxy
from lab.waiting import until
from tests.integration.faults.answers import LIST_AGAIN
from tests.integration.faults.report import Report
from tests.integration.faults.subject import IDLE_SECONDS, Subject
from tests.integration.faults.told import READ, errors

pytestmark = pytest.mark.timeout(180)

RATES = {
    "stream": {"coderuns": 3500, "jobs": 8000, "configmaps": 250},
    "watch": {"coderuns": 300, "jobs": 800, "configmaps": 250},
}
"""Bytes a second at which each takes longer than a server may be silent."""


@pytest.mark.fault("slow lists and slow watches")
@pytest.mark.parametrize("kind", ["stream", "watch"])
def test_what_trickles_arrives_whole(
    platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report, kind: str
):
    """It is asked for once, nothing is told about it, and the page stays whole until it is there."""
    rates = RATES[kind]
    with subject.enduring() as endured:
        proxy.strike(
            *([LIST_AGAIN] if kind == "stream" else []),
            *(Fault(kind=kind, path=f"/{each}", rate=rate) for each, rate in rates.items()),
        )
        proxy.end()
        until(lambda: sum(one.struck and one.kind == kind for one in proxy.asked) == 3, what="all trickle")
        proxy.strike()
        platform.set_templates({})
        platform.set_phase("run-2", "Running")
        platform.start_job("run-2-job")
        endured.mended()
    report.note(endured)
    assert endured.whole_after > IDLE_SECONDS
    assert endured.turns == []
    assert errors(subject) == (len(READ) if kind == "stream" else 0)
    assert len(proxy.asked) == len(READ) * (3 if kind == "stream" else 2)
