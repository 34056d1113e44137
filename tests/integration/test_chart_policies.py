"""`policies: mutate` of the chart on a real API server: the deadlines are those of the values."""

from typing import Any

import pytest

from lab.components import CLUSTER
from lab.controlplane.plane import ControlPlane
from tests.deploy.rendering import helm, of_kind, render_chart
from tests.integration import policies
from tests.integration.policies import AGENT_LABEL, BOLT, CLEANUP, Jobs, namespace_of

pytestmark = [pytest.mark.needs(*CLUSTER, "helm"), pytest.mark.timeout(120)]

LIMITS = {"default": 14400, "BoltRun": 10800, "5dlabs-cipher": 1800}


def test_the_deadline_of_a_job_is_that_of_the_values(control_plane: ControlPlane):
    """It is selected by the kind of the owner or by the agent, else it is the default."""
    (policy,) = of_kind(render_chart({"policies": "mutate", "policyLimits": LIMITS}), "MutatingAdmissionPolicy")
    (limits,) = (each["expression"] for each in policy["spec"]["variables"] if each["name"] == "limits")
    jobs = Jobs(control_plane, namespace_of(control_plane))
    changes = {"{'default': 3600}": limits}
    with policies.applied(control_plane, "job-limits.yaml", namespaces=[jobs.namespace], changes=changes):
        jobs.until_limited()
        answers = [
            jobs.send(labels=AGENT_LABEL),
            jobs.send(labels=CLEANUP),
            jobs.send(ownerReferences=[BOLT]),
            jobs.send(labels=AGENT_LABEL | {"github-user": "5dlabs-cipher"}),
        ]
    assert [answer.limits[0] for answer in answers] == [14400, 14400, 10800, 1800]


@pytest.mark.parametrize(
    ("values", "limit"),
    [
        ({"policies": "mutate"}, 3600),
        ({"policies": "mutate", "policyLimits": {"default": 1800}}, 1800),
        ({"policies": "mutate", "policyLimits": LIMITS}, None),
        ({"policies": "warn"}, None),
    ],
    ids=["default", "shorter", "longer", "without the policy"],
)
def test_the_notes_warn_about_a_limit_that_ends_long_runs(
    control_plane: ControlPlane, values: dict[str, Any], limit: int | None
):
    """`helm install` prints the limit and the value to set, if the limit would end healthy runs."""
    done = helm("install", values, "--dry-run=client", f"--kubeconfig={control_plane.admin_kubeconfig}")
    assert done.returncode == 0, done.stderr
    notes = done.stdout.partition("NOTES:")[2]
    assert (f"get a deadline of {limit} s: Kubernetes ends runs that take longer" in notes) is (limit is not None)
    assert ("policyLimits.default" in notes) is (limit is not None)
