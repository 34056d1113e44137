"""The exporter as its users run it, with two differences: `impatient.py IDLE CLOCK run ...`.

IDLE is for how many seconds a watch may be silent, and how long it waits for a connection and for an answer; three
times as long for progress of a streamed list.
CLOCK is a file that says by how many seconds the exporter's clock is wrong; while it is not there the clock is
right. The exporter looks at its clock each second.
"""

import functools
import pathlib
import sys
import time

import exporter.app
import exporter.commands.run
import exporter.kube.client
import exporter.reflector.streaming
from exporter.cli import main

__all__ = ["main"]


def _clock(file: pathlib.Path) -> float:
    try:
        return time.time() + float(file.read_text())
    except (FileNotFoundError, ValueError):  # ValueError: it is being written
        return time.time()


if __name__ == "__main__":
    _, idle, clock, *words = sys.argv
    exporter.kube.client._CONNECT_SECONDS = exporter.kube.client._ANSWER_SECONDS = float(idle)
    exporter.reflector.streaming._PROGRESS_SECONDS = 3 * float(idle)
    exporter.app._ADVANCE_SECONDS = 1.0
    exporter.commands.run.serve = functools.partial(  # type: ignore[attr-defined]
        exporter.app.serve, clock=functools.partial(_clock, pathlib.Path(clock)), idle=float(idle)
    )
    sys.exit(main(words))
