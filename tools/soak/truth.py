"""The exporter's page against that of one that was just started."""

import asyncio
import pathlib
import time
from typing import Any

from lab.exporting import Exporter, readable_of
from lab.faults.fresh import fresh_page

__all__ = ["differences"]


async def differences(
    exporter: Exporter, *, settings: dict[str, Any], kubeconfig: pathlib.Path, seconds: float
) -> list[str]:
    """Lines that only its page has (+), or only a fresh one (-); it is given so many seconds to become equal.

    What is counted over time and what is about the exporter itself is left out.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            left = await asyncio.to_thread(_differences, exporter, settings, kubeconfig)
        except OSError as error:  # no answer in time is one too
            left = [f"- {error!r}"]
        if not left or time.monotonic() > until:
            return left
        await asyncio.sleep(1)


def _differences(exporter: Exporter, settings: dict[str, Any], kubeconfig: pathlib.Path) -> list[str]:
    fresh = fresh_page(settings, kubeconfig=kubeconfig)
    names = {line.split()[2] for line in fresh.split("\n") if line.startswith("# TYPE ")}
    page = readable_of(exporter.get().text)
    told = {line for line in page if line.partition("{")[0].partition(" ")[0] in names}
    truth = set(readable_of(fresh))
    return [*(f"+ {line}" for line in sorted(told - truth)), *(f"- {line}" for line in sorted(truth - told))]
