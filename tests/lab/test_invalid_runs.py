"""Users may create CodeRuns with an invalid spec. The simulated controller still handles the valid ones."""

import pytest

from lab.platform.controller import RUNS
from lab.platform.manifests import NAMESPACE, coderun
from tests.lab.test_platform import REX, simulation

__all__ = ["simulation"]


@pytest.mark.parametrize("spec", [{}, {"contextVersion": "x", "cliConfig": "y"}, {"cliConfig": {"cliType": "z"}}])
async def test_valid_runs_are_handled_in_spite_of_an_invalid_one(simulation, spec):
    """`reconcile` calls `fault` with the run and the error. Without `fault` it raises the error."""
    invalid = coderun(REX) | {"metadata": {"name": "an-invalid-one", "namespace": NAMESPACE}, "spec": spec}
    await simulation.writer.create(RUNS, invalid)
    await simulation.platform.order([REX])
    faults = []
    await simulation.platform.reconcile(fault=lambda run, error: faults.append((run, error)))
    assert [run for run, _ in faults] == ["an-invalid-one"]
    assert len(await simulation.jobs()) == 1
    with pytest.raises((KeyError, TypeError)):
        await simulation.platform.reconcile()
