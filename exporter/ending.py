"""Ends the process with an exit code and at most one line on standard error, without a traceback."""

import contextlib
import io
import os
import pathlib
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any, TextIO, TypeVar

from exporter.untrusted import escape_invisible

__all__ = ["run_command"]

T = TypeVar("T")

_EXIT_FAILED = 2
_EXIT_INTERRUPTED = 130  # 128 + SIGINT, as in shells
_PACKAGE = pathlib.Path(__file__).resolve().parent
_MAX_FRAMES = 4
_STANDARD_DESCRIPTORS = (0, 1, 2)


def run_command(command: Callable[[], int], *, expected: tuple[type[Exception], ...]) -> int:
    """Runs the command and returns the exit code. Prints the message of an `expected` exception; others are bugs.

    A failure to write to standard output is an error as well, because the exit code would be wrong without the
    output.
    """
    _open_standard_streams()
    with _output() as output:
        code = _exit_code(command, output, expected)
        with contextlib.suppress(OSError):
            output.flush()
        if output.failure:
            _print_error(f"cannot write to standard output: {output.failure}")
            code = _EXIT_FAILED
    for stream in filter(None, (sys.stdout, sys.stderr)):
        _discard(stream)
    return code


class _Output:
    """Standard output; `failure` is the reason of a failed write, even if the caller ignored the error."""

    def __init__(self, stream: TextIO, failure: str = "") -> None:
        self._stream = stream
        self._closed = failure
        self.failure = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if self._closed:
            self.failure = self._closed
        return self._record_failure(lambda: self._stream.write(text))

    def flush(self) -> None:
        self._record_failure(self._stream.flush)

    def _record_failure(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except OSError as error:
            self.failure = os.strerror(error.errno or 0)
            raise


@contextlib.contextmanager
def _output() -> Iterator[_Output]:
    stream = sys.stdout
    output = _Output(stream or io.StringIO(), failure="" if stream else "it is closed")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    sys.stdout = output
    try:
        yield output
    finally:
        sys.stdout = stream


def _exit_code(command: Callable[[], int], output: _Output, expected: tuple[type[Exception], ...]) -> int:
    try:
        return command()
    except SystemExit as end:  # raised by argparse after --help and --version
        return end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - the outermost handler
        fault = error
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    if not (isinstance(fault, OSError) and output.failure):
        _print_error(str(fault) if isinstance(fault, expected) else _bug_report(fault))
    return _EXIT_FAILED


def _bug_report(fault: BaseException) -> str:
    """The type and location of an unexpected exception, without its message, which may contain a secret."""
    files = [(pathlib.Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(fault.__traceback__)]
    places = [f"{file.relative_to(_PACKAGE.parent)}:{line}" for file, line in files if _PACKAGE in file.parents]
    reason = f" ({os.strerror(fault.errno)})" if isinstance(fault, OSError) and fault.errno else ""
    where = ", called from ".join(reversed(places[-_MAX_FRAMES:]))
    return f"unexpected {type(fault).__name__}{reason} at {where}; this is a bug in coderun-exporter"


def _print_error(line: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"coderun-exporter: {escape_invisible(line)}\n")
        sys.stderr.flush()


def _open_standard_streams() -> None:
    """Opens closed standard streams: their descriptors would be reused for the next file or socket."""
    for number in _STANDARD_DESCRIPTORS:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free descriptor
    sys.stderr = sys.stderr or io.StringIO()


def _discard(stream: TextIO) -> None:
    """Discards output that cannot be written: Python would retry at exit, and change the exit code."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
