"""The exporter as its users run it, with two differences: `impatient.py IDLE CLOCK run ...`.

IDLE is for how many seconds a watch may be silent. CLOCK is a file that says by how many seconds the exporter's
clock is wrong; while it is not there the clock is right.
"""

import functools
import pathlib
import sys
import time

import exporter.app
import exporter.commands.run
from exporter.cli import main

__all__ = ["main"]


def _clock(file: pathlib.Path) -> float:
    try:
        return time.time() + float(file.read_text())
    except (FileNotFoundError, ValueError):  # ValueError: it is being written
        return time.time()


if __name__ == "__main__":
    _, idle, clock, *words = sys.argv
    exporter.commands.run.serve = functools.partial(
        exporter.app.serve, clock=functools.partial(_clock, pathlib.Path(clock)), idle=float(idle)
    )
    sys.exit(main(words))
