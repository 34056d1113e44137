"""Records of Jobs for profiles in the settings."""

import msgspec
import pytest

from exporter.profiles import Profile, resolve
from exporter.resources.jobs import WireJob, job_from_object
from exporter.resources.kinds import run_kinds
from tests.objects import a_job, a_run


def job_record(job, *kinds):
    """The record of a Job with these kinds, each of which is a name or a mapping."""
    given = (kind if isinstance(kind, str) else msgspec.convert(kind, Profile) for kind in kinds)
    return job_from_object(
        msgspec.convert(job, WireJob), kinds=run_kinds([resolve(kind) for kind in given]), match_labels={}
    )


@pytest.mark.parametrize(("only", "resource"), [({}, "coderuns.agents.platform"), ({".spec.mode": ["agent"]}, "")])
def test_the_owner_of_a_job_is_unknown_if_the_profile_selects_runs_with_only(only, resource):
    """The owner may exist although it is not in the cache, because `only` excluded it."""
    job = job_record(a_job(of=a_run()), {"resource": "coderuns.v1.agents.platform", "only": only})
    assert (job.owner_name, job.owner_resource) == ("r", resource)


def test_a_job_that_is_controlled_by_a_job_is_not_a_run_by_default():
    """A profile of Jobs selects runs by their labels, not by their owners."""
    parent = {"apiVersion": "batch/v1", "kind": "Job", "name": "p", "uid": "u", "controller": True}
    assert job_record(a_job(owners=[parent]), "jobs.batch") is None
    labels = {"app.kubernetes.io/managed-by": "agents"}
    assert job_record(a_job(owners=[parent], labels=labels), "jobs.batch").owner_name == ""


@pytest.mark.parametrize("kinds", [("jobs.batch",), ("coderuns.agents.platform", "jobs.batch")])
def test_the_cli_of_a_job_is_in_lower_case_like_that_of_a_run(kinds):
    """A CLI has one label value, whichever object it is read from."""
    job = a_job(owners=[], labels={"app.kubernetes.io/managed-by": "agents", "cli": "Claude"})
    assert job_record(job, *kinds).cli == "claude"
