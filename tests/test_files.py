"""A file that a setting names is read as a whole, and never without bound."""

import contextlib
import os
import socket
import threading
from pathlib import Path

import pytest

from exporter.files import FileError, read_bytes, read_text

MIB = 1 << 20


@pytest.fixture
def pipe():
    """The path of a pipe's reading end, and its writing end."""
    reading, writing = os.pipe()
    yield f"/dev/fd/{reading}", writing
    os.close(reading)


def reason(path, **how):
    """Why it cannot be read."""
    with pytest.raises(FileError) as caught:
        read_bytes(path, **how)
    return str(caught.value)


def sized(folder, size):
    """A file of this size that takes no room on the disk."""
    path = folder / "large"
    path.touch()
    os.truncate(path, size)
    return path


def test_a_file_of_the_largest_size_is_read_and_a_larger_one_is_not(tmp_path):
    """The size is in the message."""
    assert len(read_bytes(sized(tmp_path, MIB))) == MIB
    assert reason(sized(tmp_path, MIB + 1)) == "it is larger than 1 MiB"
    assert len(read_bytes(sized(tmp_path, MIB + 1), max_bytes=2 * MIB)) == MIB + 1
    assert reason(sized(tmp_path, 1 << 40), max_bytes=16 * MIB) == "it is larger than 16 MiB"


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full", "/dev/urandom", "/dev/ptmx", "/dev/tty"])
@pytest.mark.parametrize("pipes", [False, True])
def test_devices_are_not_read(device, pipes):
    """Many have no end, and some do something when they are opened."""
    assert reason(device, pipes=pipes) == ("it is neither a file nor a pipe" if pipes else "it is not a file")


def test_the_null_device_is_an_empty_file():
    """As everybody uses it."""
    assert read_bytes(os.devnull) == b""


def test_a_socket_is_not_read(tmp_path, monkeypatch):
    """Nor opened."""
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert reason("socket") == "it is not a file"


def test_a_pipe_is_read_to_its_end(pipe):
    """As a shell gives it for <(command), however many pieces it comes in."""
    path, writing = pipe
    data = bytes(range(256)) * 2_000

    def write():
        with os.fdopen(writing, "wb") as stream:
            stream.write(data)

    writer = threading.Thread(target=write)
    writer.start()
    assert read_bytes(path, pipes=True) == data
    writer.join()


def test_a_pipe_without_end_is_bounded_in_bytes(pipe):
    """What comes after the limit is not read."""
    path, writing = pipe

    def write():
        with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb") as stream:
            while True:
                stream.write(b"x" * 4096)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    assert reason(path, pipes=True) == "it is larger than 1 MiB"


def test_a_silent_pipe_is_bounded_in_seconds(pipe, tmp_path):
    """With a writer that writes nothing, and without one: neither its open nor its read blocks."""
    path, writing = pipe
    os.mkfifo(tmp_path / "fifo")
    for silent in (path, tmp_path / "fifo"):
        assert reason(silent, pipes=True, seconds=0) == "the pipe did not end within 0 s"
    os.close(writing)


def test_a_pipe_is_not_read_where_a_file_is_read_again(tmp_path):
    """It would be empty the second time."""
    os.mkfifo(tmp_path / "fifo")
    assert reason(tmp_path / "fifo") == "it is a pipe, and must be a file: it is read more than once"


def test_what_the_operating_system_refuses_is_in_its_words(tmp_path):
    """Without the path, which the caller says."""
    (tmp_path / "loop").symlink_to("loop")
    assert reason(tmp_path) == "Is a directory"
    assert reason(tmp_path / "x") == "No such file or directory"
    assert reason(tmp_path / "loop") == "Too many levels of symbolic links"
    assert reason(tmp_path / ("x" * 300)) == "File name too long"
    assert reason("a\0b") == "a path cannot have a NUL character"


def test_a_directory_leaves_nothing_open(tmp_path):
    """A web configuration is read again and again: what replaces it must not use up the descriptors."""
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(10):
        reason(tmp_path)
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_text_is_utf_8(tmp_path):
    """Anything else is an error and not guessed."""
    (tmp_path / "x").write_bytes("ä".encode("latin-1"))
    with pytest.raises(FileError, match="it is not UTF-8 text"):
        read_text(tmp_path / "x")
