"""Users may create CodeRuns with any spec. The controller of the platform still handles the others."""

import pytest

from lab.platform.controller import RUNS
from lab.platform.manifests import NAMESPACE, coderun
from tests.lab.test_platform import REX, simulation

__all__ = ["simulation"]


@pytest.mark.parametrize("spec", [{}, {"contextVersion": "x", "cliConfig": "y"}, {"cliConfig": {"cliType": "z"}}])
async def test_an_invalid_run_does_not_stop_the_others(simulation, spec):
    """`fault` is called with the run and the error. Without it the error is raised."""
    invalid = coderun(REX) | {"metadata": {"name": "an-invalid-one", "namespace": NAMESPACE}, "spec": spec}
    await simulation.writer.create(RUNS, invalid)
    await simulation.platform.order([REX])
    faults = []
    await simulation.platform.reconcile(fault=lambda run, error: faults.append((run, error)))
    assert [run for run, _ in faults] == ["an-invalid-one"]
    assert len(await simulation.jobs()) == 1
    with pytest.raises((KeyError, TypeError)):
        await simulation.platform.reconcile()
