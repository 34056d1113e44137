"""`policyLimits` of the chart: the deadlines that the mutating policy sets for Jobs of agents."""

import pytest

from tests.deploy.rendering import helm, of_kind, render_chart

pytestmark = pytest.mark.needs("helm")


def limits(values: dict[str, int] | None = None) -> str:
    """The expression of the policy's variable `limits`."""
    (policy,) = of_kind(
        render_chart({"policies": "mutate"} | ({"policyLimits": values} if values else {})), "MutatingAdmissionPolicy"
    )
    variables = {each["name"]: each["expression"] for each in policy["spec"]["variables"]}
    expression: str = variables["limits"]
    return expression


def test_the_default_limit_is_an_hour():
    """The policy in deploy/policies has the same limit."""
    assert limits() == "{'default': 3600}"


def test_the_default_limit_can_be_changed():
    """The value is `policyLimits.default`. A large number is not rendered as a float."""
    assert limits({"default": 14400}) == "{'default': 14400}"
    assert limits({"default": 100_000_000}) == "{'default': 100000000}"


def test_agents_kinds_and_cleanup_jobs_can_have_limits():
    """A Job that matches no name has the default limit."""
    assert limits({"5dlabs-cipher": 3600, "BoltRun": 10800}) == (
        "{'5dlabs-cipher': 3600, 'BoltRun': 10800, 'default': 3600}"
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"default": "4h"}, "at '/policyLimits/default': got string, want integer"),
        ({"default": 0}, "at '/policyLimits/default': minimum: got 0, want 1"),
        ({"default": None}, "at '/policyLimits': missing property 'default'"),
        ({"it's": 1}, r"'it\'s' does not match pattern"),
    ],
    ids=["a duration", "zero", "no default", "a quote"],
)
def test_helm_names_an_invalid_limit(values: dict[str, object], message: str):
    """The API server could not parse the expression, and would not change any Job."""
    done = helm("template", {"policies": "mutate", "policyLimits": values})
    assert done.returncode != 0
    assert message in done.stderr
