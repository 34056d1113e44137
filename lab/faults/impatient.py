"""Runs the exporter with short timeouts and an adjustable clock: `impatient.py IDLE CLOCK run ...`.

IDLE is the idle timeout of a watch, and the timeout of connections and responses, in seconds. The timeout for the
progress of a streamed list is three times as long. CLOCK is a file with the error of the exporter's clock in seconds,
which is read each second. Without this file, the clock is correct.
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
    except (FileNotFoundError, ValueError):  # ValueError: a test is writing the file
        return time.time()


if __name__ == "__main__":
    _, idle, clock, *words = sys.argv
    exporter.kube.client._CONNECT_TIMEOUT_SECONDS = exporter.kube.client._RESPONSE_TIMEOUT_SECONDS = float(idle)
    exporter.reflector.streaming._PROGRESS_SECONDS = 3 * float(idle)
    exporter.app._ADVANCE_SECONDS = 1.0
    exporter.commands.run.serve = functools.partial(  # type: ignore[attr-defined]
        exporter.app.serve, clock=functools.partial(_clock, pathlib.Path(clock)), idle=float(idle)
    )
    sys.exit(main(words))
