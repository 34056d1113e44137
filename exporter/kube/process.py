"""Runs a program for its output, with limits on its time and output. Leaves no process behind."""

import asyncio
import contextlib
import dataclasses
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Final

__all__ = ["MAX_OUTPUT", "Ended", "run"]

MAX_OUTPUT: Final = 1 << 20  # bytes; a credential with certificates has about 10,000
_MAX_ERROR_BYTES: Final = 8 << 10  # bytes of each end of standard error
_POLL_SECONDS: Final = 0.01
_REAP_SECONDS: Final = 0.2
_CHUNK_BYTES: Final = 64 << 10
_END_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ended:
    """The result of a program. `code` is None if it was stopped; `out` may exceed MAX_OUTPUT."""

    code: int | None
    out: bytes
    err: bytes


async def run(command: Sequence[str], *, environ: Mapping[str, str], seconds: float) -> Ended:
    """Runs the program until it exits, writes more than MAX_OUTPUT, or `seconds` have passed.

    When it is stopped or cancelled, its process group is killed before this returns. Child processes outside the
    group are not awaited. Raises OSError or ValueError if it cannot be started.
    """
    with _signals_deferred() as received:
        # Not asyncio's subprocesses: they hang, or leave pipes open, when cancelled during the start.
        process = subprocess.Popen(  # noqa: S603, ASYNC220 (the command is from the user's kubeconfig)
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # creates a process group
        )
        return await _wait(process, received, seconds=seconds)


async def _wait(process: subprocess.Popen[bytes], received: list[int], *, seconds: float) -> Ended:
    with _Pipe(process.stdout) as out, _Pipe(process.stderr, keep=_MAX_ERROR_BYTES) as err:
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await asyncio.sleep(0)  # concurrent callers share this run, even if it is very short
                    while process.poll() is None and len(out.data) <= MAX_OUTPUT and not received:
                        await asyncio.sleep(_POLL_SECONDS)
        finally:
            code = process.returncode
            if code is None:
                _kill(process)
        out.drain()
        err.drain()
        return Ended(code=code, out=bytes(out.data), err=bytes(err.data))


class _Pipe(contextlib.AbstractContextManager["_Pipe"]):
    """Reads a pipe in the event loop. `keep`: the number of bytes to keep of each end; 0: all."""

    def __init__(self, pipe: IO[bytes] | None, *, keep: int = 0) -> None:
        if pipe is None:
            raise AssertionError
        self.data = bytearray()
        self._pipe = pipe
        self._keep = keep
        self._loop = asyncio.get_running_loop()
        os.set_blocking(pipe.fileno(), False)
        self._loop.add_reader(pipe.fileno(), self._read)

    def __exit__(self, *_: object) -> None:
        self._loop.remove_reader(self._pipe.fileno())
        self._pipe.close()

    def drain(self) -> None:
        """Reads the remaining output, up to MAX_OUTPUT: a child process may still be writing."""
        for _ in range(MAX_OUTPUT // _CHUNK_BYTES):
            if not self._read():
                return

    def _read(self) -> bool:
        try:
            chunk = os.read(self._pipe.fileno(), _CHUNK_BYTES)
        except BlockingIOError:
            return False
        self.data += chunk
        if self._keep and len(self.data) > 2 * self._keep:
            del self.data[self._keep : -self._keep]
        if chunk and len(self.data) <= MAX_OUTPUT:
            return True
        self._loop.remove_reader(self._pipe.fileno())
        return False


@contextlib.contextmanager
def _signals_deferred() -> Iterator[list[int]]:
    """Defers signals without a handler, which would end this process and leave the program running.

    Yields the list of received signals.
    """
    received: list[int] = []
    is_main = threading.current_thread() is threading.main_thread()  # only this thread may set handlers
    unhandled = [number for number in _END_SIGNALS if is_main and signal.getsignal(number) is signal.SIG_DFL]
    for number in unhandled:
        signal.signal(number, lambda number, _: received.append(number))
    try:
        yield received
    finally:
        for number in unhandled:
            signal.signal(number, signal.SIG_DFL)
        for first in received[:1]:
            os.kill(os.getpid(), first)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_REAP_SECONDS)
