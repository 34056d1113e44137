"""A person may make a CodeRun by hand, with any spec: the platform's controller goes on with the others."""

import pytest

from lab.platform.controller import RUNS
from lab.platform.manifests import NAMESPACE, coderun
from tests.lab.test_platform import REX, world

__all__ = ["world"]


@pytest.mark.parametrize("spec", [{}, {"contextVersion": "x", "cliConfig": "y"}, {"cliConfig": {"cliType": "z"}}])
async def test_a_run_that_cannot_be_handled_does_not_stop_the_others(world, spec):
    """It is named to a taker of faults; without one it is an error."""
    poor = coderun(REX) | {"metadata": {"name": "a-poor-one", "namespace": NAMESPACE}, "spec": spec}
    await world.writer.create(RUNS, poor)
    await world.platform.order([REX])
    faults = []
    await world.platform.reconcile(fault=lambda run, error: faults.append((run, error)))
    assert [run for run, _ in faults] == ["a-poor-one"]
    assert len(await world.jobs()) == 1
    with pytest.raises((KeyError, TypeError)):
        await world.platform.reconcile()
