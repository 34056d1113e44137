"""A clock that is wrong for a while: that of the machine that the exporter runs on."""

import time

import pytest

from lab.controlplane.platform_namespace import PlatformNamespace
from lab.waiting import until
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject, samples
from tests.integration.faults.told import MAIN, errors

pytestmark = pytest.mark.timeout(180)

HOUR = 3600
YEAR_2100 = 4_102_444_800.0
EVENT = "coderun_exporter_resource_last_event_timestamp_seconds"


def finished(subject: Subject) -> bool:
    """Whether the run that has finished is on the page."""
    return bool(samples(subject.page(), "coderun_phase", coderun="run-2", phase="Succeeded"))


@pytest.mark.fault("the exporter's clock jumps: an hour on, an hour back, to 1970, to 2100")
@pytest.mark.parametrize(
    ("jump", "forgets"),
    [
        pytest.param(lambda _: HOUR, False, id="an hour on"),
        pytest.param(lambda _: -HOUR, False, id="an hour back"),
        pytest.param(lambda now: -now, False, id="1970"),
        pytest.param(lambda now: YEAR_2100 - now, True, id="2100"),
    ],
)
def test_a_wrong_clock_costs_nothing_for_longer_than_it_is_wrong(
    platform: PlatformNamespace, subject: Subject, report: Report, jump, forgets: bool
):
    """What finished leaves the page where its retention seems to be over, and is back with the right time."""
    platform.set_phase("run-2", "Succeeded")
    platform.start_job("run-2-job")
    platform.finish_job("run-2-job")
    until(lambda: finished(subject), what="it has finished")
    with subject.enduring() as endured:
        subject.clock.write_text(str(wrong := jump(time.time())))
        until(lambda: finished(subject) is not forgets, what="the clock was looked at")
        platform.delete_run("run-1")
        platform.make_run("run-4")
        platform.set_templates({})
        until(
            lambda: all(abs(subject.value(EVENT, resource=each) - time.time() - wrong) < 60 for each in MAIN[::2]),
            what="what happens is seen, at a wrong time",
        )
        subject.clock.unlink()
        endured.mended()
        until(lambda: finished(subject), what="the time is right again")
    report.note(endured)
    assert endured.turns == []
    assert errors(subject) == 0
