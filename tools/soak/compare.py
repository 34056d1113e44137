"""Compares the metrics of the running exporter with those of a newly started one."""

import asyncio
import pathlib
import time
from typing import Any

from lab.exporting import Exporter, stateless_samples
from lab.faults.fresh import fresh_page

__all__ = ["differences"]


async def differences(
    exporter: Exporter, *, settings: dict[str, Any], kubeconfig: pathlib.Path, seconds: float
) -> list[str]:
    """The samples that only the running exporter (+) or only a newly started one (-) exposes.

    Retries for up to `seconds` until there is no difference. Does not compare counters, histograms and the exporter's
    own metrics.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            different = await asyncio.to_thread(_differences, exporter, settings, kubeconfig)
        except OSError as error:  # a timeout counts as a difference
            different = [f"- {error!r}"]
        if not different or time.monotonic() > until:
            return different
        await asyncio.sleep(1)


def _differences(exporter: Exporter, settings: dict[str, Any], kubeconfig: pathlib.Path) -> list[str]:
    fresh = fresh_page(settings, kubeconfig=kubeconfig)
    names = {line.split()[2] for line in fresh.split("\n") if line.startswith("# TYPE ")}
    exposition = stateless_samples(exporter.get().text)
    actual = {line for line in exposition if line.partition("{")[0].partition(" ")[0] in names}
    expected = set(stateless_samples(fresh))
    return [
        *(f"+ {line}" for line in sorted(actual - expected)),
        *(f"- {line}" for line in sorted(expected - actual)),
    ]
