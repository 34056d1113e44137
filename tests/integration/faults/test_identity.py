"""What is made again under its name is another object."""

import threading

import pytest

from lab.controlplane.platform_namespace import CLAUDE, PlatformNamespace
from lab.faults.proxy import Fault, FaultProxy
from lab.waiting import until
from tests.integration.faults.answers import LIST_AGAIN
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject, samples
from tests.integration.faults.told import READ

pytestmark = pytest.mark.timeout(180)

WATCHED = len(READ)


@pytest.mark.fault("same name created again at once: run, Job and ConfigMap")
@pytest.mark.parametrize("go_on", ["watch", "list"])
def test_what_is_made_again_takes_the_place_of_what_it_was(
    platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report, go_on: str
):
    """Whether a watch tells its deletion late, or a list does not tell it at all."""
    before = _uids(subject)
    back = threading.Event()
    answer = LIST_AGAIN.answer if go_on == "list" else None
    with subject.enduring() as endured:
        proxy.strike(Fault(kind="watch", times=WATCHED, held=lambda: not back.is_set(), answer=answer))
        proxy.end()
        until(lambda: sum(proxy.struck().values()) == WATCHED, what="nobody watches")
        _make_again(platform)
        back.set()
        endured.mended()
        until(lambda: not before & _uids(subject), what="both are others")
    report.note(endured)
    assert not endured.turns
    assert len(before) == len(_uids(subject)) == 2
    assert subject.value("job_active", job_name="run-0-job") == 1
    assert subject.value("configmap_size_bytes", configmap=CLAUDE) == len("echo")


def _make_again(platform: PlatformNamespace) -> None:
    platform.start_job("run-0-job")
    platform.delete_job("run-0-job")
    platform.delete_run("run-0")
    platform.make_job(platform.make_run("run-0"))
    platform.start_job("run-0-job")
    platform.ask("DELETE", f"{platform.config_maps}/{CLAUDE}")
    platform.set_templates({"again.sh": "echo"})


def _uids(subject: Subject) -> set[str]:
    page = subject.page()
    lines = samples(page, "coderun_info", coderun="run-0") + samples(page, "job_info", job_name="run-0-job")
    return {line.partition('uid="')[2].partition('"')[0] for line in lines}
