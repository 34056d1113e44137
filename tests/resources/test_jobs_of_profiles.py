"""Jobs beside profiles of the settings' own: what their kinds say about a Job, and what they cannot say."""

import msgspec
import pytest

from exporter.profiles import Profile, resolve
from exporter.resources.jobs import WireJob, job_from_object
from exporter.resources.kinds import run_kinds
from tests.objects import a_job, a_run


def kept(job, *kinds):
    """The record of a Job, by the profiles of these names or mappings."""
    given = (kind if isinstance(kind, str) else msgspec.convert(kind, Profile) for kind in kinds)
    return job_from_object(
        msgspec.convert(job, WireJob), kinds=run_kinds([resolve(kind) for kind in given]), match_labels={}
    )


@pytest.mark.parametrize(("only", "told"), [({}, "coderuns.agents.platform"), ({".spec.mode": ["agent"]}, "")])
def test_an_object_that_is_no_run_is_not_taken_for_gone(only, told):
    """Where `only` leaves objects out, a Job's owner that is not read may exist all the same."""
    job = kept(a_job(of=a_run()), {"resource": "coderuns.v1.agents.platform", "only": only})
    assert (job.owner_name, job.owner_resource) == ("r", told)


def test_a_job_that_a_job_controls_is_no_run():
    """A profile of Jobs says by labels which ones are runs, and not by who controls them."""
    parent = {"apiVersion": "batch/v1", "kind": "Job", "name": "p", "uid": "u", "controller": True}
    assert kept(a_job(owners=[parent]), "jobs.batch") is None
    labels = {"app.kubernetes.io/managed-by": "agents"}
    assert kept(a_job(owners=[parent], labels=labels), "jobs.batch").owner_name == ""


@pytest.mark.parametrize("kinds", [("jobs.batch",), ("coderuns.agents.platform", "jobs.batch")])
def test_the_cli_of_a_job_is_in_lower_case_as_that_of_a_run(kinds):
    """One label value for one command-line tool, whatever it is read from."""
    job = a_job(owners=[], labels={"app.kubernetes.io/managed-by": "agents", "cli": "Claude"})
    assert kept(job, *kinds).cli == "claude"
