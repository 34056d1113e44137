"""The right to read is taken away, and given back."""

import pytest

from lab.controlplane.platform_namespace import CLAUDE, PlatformNamespace
from lab.faults.proxy import FaultProxy
from lab.waiting import until
from tests.integration.faults.changes import change
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject
from tests.integration.faults.told import READ

pytestmark = pytest.mark.timeout(180)


@pytest.mark.fault("permission revoked, and granted again")
def test_a_right_that_is_lost_is_told_and_what_was_read_stays(
    platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report
):
    """A watch that is open goes on; the next one is refused. What is not read has no change, and no health."""
    with subject.enduring() as endured:
        platform.unbind()
        platform.make_run("after")
        until(lambda: subject.value("coderun_created_timestamp", coderun="after"), what="the watch goes on")
        assert subject.is_watching()
        proxy.end()
        until(lambda: set(subject.states().values()) == {"forbidden"}, what="the refusal is told")
        assert subject.value("configmap_problem", configmap=CLAUDE, problem="forbidden") == 1
        change(platform)
        assert subject.value("coderun_created_timestamp", coderun="run-1")
        platform.bind()
        endured.mended()
    report.note(endured)
    for resource in READ:
        assert endured.turns_of(resource) == ["forbidden", "watching"]
        assert subject.value("coderun_exporter_errors_total", resource=resource, code="403") >= 1
    assert subject.value("configmap_problem", configmap=CLAUDE, problem="forbidden") == 0
