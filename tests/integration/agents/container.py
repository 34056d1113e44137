"""A process whose output is written to a log file as a container runtime does, and whose input stays open."""

import datetime as dt
import os
import pathlib
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from typing import IO, Self

__all__ = ["Container"]

_MAX_PIECE_BYTES = 16 << 10  # containerd divides longer lines: max_container_log_line_size
_SECOND = 10**9


class Container:
    """A context manager, which enters when the process has started and leaves when it has ended.

    The input is a pipe that only the test can close, as that of a container with `stdin: true`: a test run that ends
    in any way closes it. `log` has the format of the container runtime interface (CRI).
    """

    def __init__(
        self,
        *argv: object,
        environment: Mapping[str, str],
        folder: pathlib.Path,
        log: pathlib.Path,
        text: bytes = b"",
    ) -> None:
        self._argv = [str(word) for word in argv]
        self._environment = environment
        self._folder = folder
        self._log = log
        self._text = text
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._folder,
            env=dict(self._environment),
            start_new_session=True,
        )
        assert self._process.stdout
        assert self._process.stderr
        self._threads = [
            threading.Thread(target=self._copy, args=(pipe, name), daemon=True)
            for pipe, name in ((self._process.stdout, "stdout"), (self._process.stderr, "stderr"))
        ]
        for thread in self._threads:
            thread.start()
        self.send(self._text)
        return self

    def __exit__(self, *_: object) -> None:
        self.close_input()
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for thread in self._threads:
            thread.join()

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def send(self, text: bytes) -> None:
        """Writes to the input."""
        assert self._process.stdin
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def close_input(self) -> None:
        """Ends the input."""
        assert self._process.stdin
        self._process.stdin.close()

    def wait(self, *, seconds: float) -> int:
        """The exit code. Raises TimeoutExpired."""
        return self._process.wait(seconds)

    def _copy(self, pipe: IO[bytes], name: str) -> None:
        with pipe:
            for line in pipe:
                with self._lock, self._log.open("ab") as out:
                    out.writelines(_entries(line.rstrip(b"\n"), name))


def _entries(line: bytes, name: str) -> Iterator[bytes]:
    """The line in pieces, all but the last one marked as partial: `TIME STREAM P|F TEXT`."""
    now = time.time_ns()
    moment = dt.datetime.fromtimestamp(now // _SECOND, dt.UTC)
    stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{now % _SECOND:09d}Z {name}"
    while len(line) > _MAX_PIECE_BYTES:
        yield b"%b P %b\n" % (stamp.encode(), line[:_MAX_PIECE_BYTES])
        line = line[_MAX_PIECE_BYTES:]
    yield b"%b F %b\n" % (stamp.encode(), line)
