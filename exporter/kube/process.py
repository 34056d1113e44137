"""A program that is run for its output: its time, its output and what it leaves behind are bounded."""

import asyncio
import contextlib
import dataclasses
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Final

__all__ = ["LONGEST_OUTPUT", "Ended", "run"]

LONGEST_OUTPUT: Final = 1 << 20  # bytes; a credential with its certificates has some 10,000
_LONGEST_WORDS: Final = 8 << 10  # bytes of each end of standard error
_POLL_SECONDS: Final = 0.01
_REAP_SECONDS: Final = 0.2
_PIECE: Final = 64 << 10
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ended:
    """What a program left: `code` is None where it was stopped, `out` longer than allowed where it wrote more."""

    code: int | None
    out: bytes
    err: bytes


async def run(command: Sequence[str], *, environ: Mapping[str, str], seconds: float) -> Ended:
    """Runs it until it ends, writes too much, or `seconds` are over.

    Stopped or cancelled, it is killed with all processes of its group before this returns. A child that left the
    group is not waited for. Raises OSError or ValueError where it cannot be started.
    """
    with _signals_deferred() as came:
        # Not asyncio's own subprocesses: they hang, or leave pipes open, when cancelled while they start.
        process = subprocess.Popen(  # noqa: S603, ASYNC220 (the user's own kubeconfig names the command)
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a group of its own
        )
        return await _ended(process, came, seconds=seconds)


async def _ended(process: subprocess.Popen[bytes], came: list[int], *, seconds: float) -> Ended:
    with _Pipe(process.stdout) as out, _Pipe(process.stderr, keep=_LONGEST_WORDS) as err:
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await asyncio.sleep(0)  # who calls at the same moment waits for this run, however short it is
                    while process.poll() is None and len(out.data) <= LONGEST_OUTPUT and not came:
                        await asyncio.sleep(_POLL_SECONDS)
        finally:
            code = process.returncode
            if code is None:
                _kill(process)
        out.drain()
        err.drain()
        return Ended(code=code, out=bytes(out.data), err=bytes(err.data))


class _Pipe(contextlib.AbstractContextManager["_Pipe"]):
    """Reads while the event loop turns. With `keep` only so much of both ends stays."""

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
        """What it wrote and nobody read yet; not more, for a child may go on writing."""
        for _ in range(LONGEST_OUTPUT // _PIECE):
            if not self._read():
                return

    def _read(self) -> bool:
        try:
            piece = os.read(self._pipe.fileno(), _PIECE)
        except BlockingIOError:
            return False
        self.data += piece
        if self._keep and len(self.data) > 2 * self._keep:
            del self.data[self._keep : -self._keep]
        if piece and len(self.data) <= LONGEST_OUTPUT:
            return True
        self._loop.remove_reader(self._pipe.fileno())
        return False


@contextlib.contextmanager
def _signals_deferred() -> Iterator[list[int]]:
    """A signal that nobody handles would end this process at once and leave the program behind: it has to wait.

    Gives the list of those that came.
    """
    came: list[int] = []
    is_main = threading.current_thread() is threading.main_thread()  # others may not set handlers
    unhandled = [number for number in _ENDING if is_main and signal.getsignal(number) is signal.SIG_DFL]
    for number in unhandled:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield came
    finally:
        for number in unhandled:
            signal.signal(number, signal.SIG_DFL)
        for first in came[:1]:
            os.kill(os.getpid(), first)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_REAP_SECONDS)
