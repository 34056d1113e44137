"""Owner references that are wrong: loops, owners that never were, and what the API server refuses at once."""

import uuid
from typing import Any

import pytest

from lab.controlplane.objects import job
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import GROUP, PlatformNamespace
from lab.waiting import until
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject, samples

pytestmark = pytest.mark.timeout(180)

UNKNOWN = f"{GROUP}/v9"
"""A version that the garbage collector cannot resolve, so that it lets the object be."""


@pytest.mark.fault("ownerReferences in a loop")
def test_a_loop_of_owners_ends_nowhere(platform: PlatformNamespace, subject: Subject, report: Report):
    """A run that its own Job owns, and with that Job a third; a Job that owns itself, and so outlives its run.

    Kubernetes then takes the run's reference from it: it is nobody's Job, and off the page.
    """
    with subject.enduring() as endured:
        loop = platform.make_job(platform.make_run("loop"))
        _own(platform, f"{platform.runs}/loop", _owner(loop))
        platform.make_run("owned", ownerReferences=[_owner(loop)])
        selfish = platform.make_job(platform.make_run("selfish"))
        _own(platform, f"{platform.jobs}/selfish-job", _owner(selfish))
        until(lambda: _is_on(subject, "loop-job", "owned", "selfish-job"), what="all are on the page")
        assert (_job_of(subject, "loop"), _job_of(subject, "owned")) == ("loop-job", "")
        platform.delete_run("selfish")
        platform.delete_run("loop")
        endured.mended()
        gone = "loop", "loop-job", "owned", "selfish", "selfish-job"
        until(lambda: _are_off(subject, *gone), what="they are off the page", seconds=60)
    report.note(endured)
    assert not endured.turns
    left = platform.ask("GET", f"{platform.jobs}/selfish-job")["metadata"]["ownerReferences"]
    assert [owner["name"] for owner in left] == ["selfish-job"]


@pytest.mark.fault("ownerReferences that dangle")
def test_a_job_of_nobody_is_on_the_page_and_is_nobodys(
    control_plane: ControlPlane, platform: PlatformNamespace, subject: Subject, report: Report
):
    """Its run never was, or is in another namespace: no run of that name takes it for its own."""
    elsewhere = PlatformNamespace(control_plane, f"{platform.namespace}-b").open()
    foreign = elsewhere.make_run("foreign")
    with subject.enduring() as endured:
        _orphan(platform, "never-was", uid=str(uuid.uuid4()), owner="run-0")
        _orphan(platform, "elsewhere", uid=foreign["metadata"]["uid"], owner="foreign")
        _orphan(platform, "of-no-crd", uid=str(uuid.uuid4()), owner="x", api_version="gone.example/v1")
        until(lambda: _is_on(subject, "never-was", "elsewhere"), what="orphans are on the page")
        endured.mended()
    report.note(endured)
    assert not endured.turns
    assert _job_of(subject, "run-0") == "run-0-job"
    assert len(samples(subject.page(), "job_active", job_name="never-was")) == 1
    assert _are_off(subject, "of-no-crd")


@pytest.mark.fault("ownerReferences that dangle")
def test_what_the_garbage_collector_resolves_it_takes_away(
    platform: PlatformNamespace, subject: Subject, report: Report
):
    """An owner of a known kind that is not there: the Job is deleted, and leaves the page with the next event."""
    with subject.enduring() as endured:
        _orphan(platform, "dangling", uid=str(uuid.uuid4()), owner="run-0", api_version=f"{GROUP}/v1")
        until(lambda: _is_gone(platform, "dangling"), what="the garbage collector has come", seconds=60)
        endured.mended()
    report.note(endured)
    assert not endured.turns
    assert _are_off(subject, "dangling")


@pytest.mark.fault("ownerReferences that the API server refuses")
def test_an_owner_that_is_no_reference_never_reaches_the_exporter(
    control_plane: ControlPlane, platform: PlatformNamespace
):
    """One with an empty field, an Event as an owner, and two that control: 422."""
    right = _reference(uid=str(uuid.uuid4()), name="x", api_version=UNKNOWN)
    empty = [right | {field: ""} for field in ("uid", "name", "kind", "apiVersion")]
    event = right | {"apiVersion": "v1", "kind": "Event"}
    for references in (*([wrong] for wrong in empty), [event], [right, right | {"uid": str(uuid.uuid4())}]):
        code, answer = control_plane.request("POST", platform.jobs, job("wrong", ownerReferences=references))
        assert code == 422, references
    assert "Only one reference can have Controller set to true" in answer["message"]


def _reference(*, uid: str, name: str, api_version: str, kind: str = "CodeRun") -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": True}


def _owner(owner: dict[str, Any]) -> dict[str, Any]:
    meta = owner["metadata"]
    return _reference(uid=meta["uid"], name=meta["name"], api_version=owner["apiVersion"], kind=owner["kind"])


def _own(platform: PlatformNamespace, path: str, owner: dict[str, Any]) -> None:
    """An owner more, who does not control."""
    found = platform.ask("GET", path)
    references = [*found["metadata"].get("ownerReferences", ()), owner | {"controller": False}]
    found["metadata"]["ownerReferences"] = references
    platform.ask("PUT", path, found)


def _orphan(platform: PlatformNamespace, name: str, *, uid: str, owner: str, api_version: str = UNKNOWN) -> None:
    reference = _reference(uid=uid, name=owner, api_version=api_version)
    platform.ask("POST", platform.jobs, job(name, ownerReferences=[reference]))


def _is_on(subject: Subject, *names: str) -> bool:
    return set(names) <= _names(subject)


def _are_off(subject: Subject, *names: str) -> bool:
    return not set(names) & _names(subject)


def _names(subject: Subject) -> set[str]:
    """Of runs and Jobs."""
    page = subject.page()
    runs = (line.partition('coderun="')[2] for line in samples(page, "coderun_created_timestamp"))
    jobs = (line.partition('job_name="')[2] for line in samples(page, "job_active"))
    return {rest.partition('"')[0] for rest in (*runs, *jobs)}


def _job_of(subject: Subject, run: str) -> str:
    [line] = samples(subject.page(), "coderun_job_name", coderun=run)
    return line.partition('job_name="')[2].partition('"')[0]


def _is_gone(platform: PlatformNamespace, job_name: str) -> bool:
    return job_name not in {each["metadata"]["name"] for each in platform.ask("GET", platform.jobs)["items"]}
