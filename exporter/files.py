"""Reads files that settings name, with a limit on their size, and on the time for a pipe."""

import os
import select
import stat
import time
from pathlib import Path
from typing import Final

__all__ = ["FileError", "read_bytes", "read_text"]

_MAX_BYTES: Final = 1 << 20
_PIPE_SECONDS: Final = 30.0
_CHUNK_BYTES: Final = 64 << 10


class FileError(Exception):
    """A file cannot be read. The message is the reason, without the path."""


def read_bytes(
    path: Path | str, *, max_bytes: int = _MAX_BYTES, pipes: bool = False, seconds: float | None = _PIPE_SECONDS
) -> bytes:
    """Reads a file or, if `pipes`, a pipe. The null device is an empty file. Raises FileError.

    A pipe can be read only once. `max_bytes` is the maximum size in bytes, `seconds` the timeout of a pipe (None: no
    limit).
    """
    try:
        _check(Path(path).stat(), pipes=pipes)
        # Without O_NONBLOCK, the open of a pipe waits until another process writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return _read(descriptor, max_bytes=max_bytes, seconds=seconds)
        finally:
            os.close(descriptor)  # not a file object: it would not close the descriptor of a directory
    except OSError as error:
        raise FileError(error.strerror or "unknown error") from error
    except ValueError:
        raise FileError("a path cannot have a NUL character") from None


def read_text(path: Path | str, *, pipes: bool = False) -> str:
    """Reads a file as UTF-8 text. Raises FileError."""
    try:
        return read_bytes(path, pipes=pipes).decode("utf-8")
    except UnicodeDecodeError:
        raise FileError("it is not UTF-8 text") from None


def _check(status: os.stat_result, *, pipes: bool) -> None:
    """Raises FileError for a special file. Accepts directories, because reading one fails with the right reason."""
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        return
    if stat.S_ISFIFO(status.st_mode):
        if pipes:
            return
        raise FileError("it is a pipe, and must be a file: it is read more than once")
    if stat.S_ISCHR(status.st_mode) and status.st_rdev == Path(os.devnull).stat().st_rdev:
        return
    raise FileError("it is neither a file nor a pipe" if pipes else "it is not a file")


def _read(descriptor: int, *, max_bytes: int, seconds: float | None) -> bytes:
    data = bytearray()
    end = None if seconds is None else time.monotonic() + seconds
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while len(data) <= max_bytes:
        if not poll.poll(None if end is None else max(0.0, end - time.monotonic()) * 1000):
            raise FileError(f"the pipe did not end within {seconds:g} s")
        try:
            chunk = os.read(descriptor, min(_CHUNK_BYTES, max_bytes + 1 - len(data)))
        except BlockingIOError:
            continue  # another process has read the data
        if not chunk:
            return bytes(data)
        data += chunk
    raise FileError(f"it is larger than {max_bytes >> 20} MiB")
