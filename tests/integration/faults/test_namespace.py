"""A namespace goes with all that is in it, and one of the same name comes."""

import uuid
from typing import Any

import pytest

from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.faults.proxy import FaultProxy
from lab.waiting import until
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject, samples

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def doomed(control_plane: ControlPlane) -> PlatformNamespace:
    """A second namespace, with a run and its Job."""
    return _filled(PlatformNamespace(control_plane, f"doomed-{uuid.uuid4().hex[:8]}"))


@pytest.fixture
def settings(settings: dict[str, Any], platform: PlatformNamespace, doomed: PlatformNamespace) -> dict[str, Any]:
    """Both are read."""
    return settings | {"namespaces": [platform.namespace, doomed.namespace]}


@pytest.mark.fault("namespace deleted, and created again with the same name")
def test_a_namespace_of_the_same_name_is_another(
    platform: PlatformNamespace, doomed: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report
):
    """Its runs and Jobs leave the page with it, the right to read them too; the new one's come on it."""
    uids = _uids(subject, doomed)
    assert len(uids) == 2
    with subject.enduring() as endured:
        doomed.close()
        until(
            lambda: not samples(subject.page(), "coderun_info", namespace=doomed.namespace), what="its runs are off"
        )
        proxy.end()
        until(
            lambda: [subject.states()[name] for name in ("coderuns", "jobs")] == ["forbidden", "forbidden"],
            what="no rights are left",
        )
        _filled(doomed)
        endured.mended()
    report.note(endured)
    for resource in ("coderuns", "jobs"):
        assert endured.turns_of(resource, scope=doomed.namespace) == ["forbidden", "watching"]
        assert not endured.turns_of(resource, scope=platform.namespace)
    assert len(_uids(subject, doomed)) == 2
    assert not uids & _uids(subject, doomed)
    assert subject.value("coderun_exporter_errors_total", code="403", scope=doomed.namespace) >= 2


def _filled(platform: PlatformNamespace) -> PlatformNamespace:
    platform.open()
    platform.make_job(platform.make_run("run"))
    platform.start_job("run-job")
    return platform


def _uids(subject: Subject, platform: PlatformNamespace) -> set[str]:
    page = subject.page()
    infos = [samples(page, name, namespace=platform.namespace) for name in ("coderun_info", "job_info")]
    return {line.partition('uid="')[2].partition('"')[0] for lines in infos for line in lines}
