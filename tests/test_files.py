"""Files that a setting names are read completely, up to a maximum size."""

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
    """The path of the reading end of a pipe, and the file descriptor of its writing end."""
    reading, writing = os.pipe()
    yield f"/dev/fd/{reading}", writing
    os.close(reading)


def read_error(path, **how):
    """Returns the reason why the file cannot be read."""
    with pytest.raises(FileError) as caught:
        read_bytes(path, **how)
    return str(caught.value)


def sparse_file(folder, size):
    """Creates a sparse file of this size in bytes."""
    path = folder / "large"
    path.touch()
    os.truncate(path, size)
    return path


def test_a_file_larger_than_the_maximum_size_is_rejected(tmp_path):
    """The error states the maximum."""
    assert len(read_bytes(sparse_file(tmp_path, MIB))) == MIB
    assert read_error(sparse_file(tmp_path, MIB + 1)) == "it is larger than 1 MiB"
    assert len(read_bytes(sparse_file(tmp_path, MIB + 1), max_bytes=2 * MIB)) == MIB + 1
    assert read_error(sparse_file(tmp_path, 1 << 40), max_bytes=16 * MIB) == "it is larger than 16 MiB"


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full", "/dev/urandom", "/dev/ptmx", "/dev/tty"])
@pytest.mark.parametrize("pipes", [False, True])
def test_devices_are_not_read(device, pipes):
    """Many devices are endless, and opening some has side effects."""
    assert read_error(device, pipes=pipes) == ("it is neither a file nor a pipe" if pipes else "it is not a file")


def test_dev_null_is_an_empty_file():
    """Users pass /dev/null for an empty file."""
    assert read_bytes(os.devnull) == b""


def test_a_socket_is_not_read(tmp_path, monkeypatch):
    """A socket is not opened either."""
    monkeypatch.chdir(tmp_path)  # the path of a socket has at most 108 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert read_error("socket") == "it is not a file"


def test_a_pipe_is_read_to_its_end(pipe):
    """`<(command)` of a shell is a pipe. Its data may arrive in several parts."""
    path, writing = pipe
    data = bytes(range(256)) * 2_000

    def write():
        with os.fdopen(writing, "wb") as stream:
            stream.write(data)

    writer = threading.Thread(target=write)
    writer.start()
    assert read_bytes(path, pipes=True) == data
    writer.join()


def test_an_endless_pipe_is_rejected(pipe):
    """No data is read after the maximum size."""
    path, writing = pipe

    def write():
        with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb") as stream:
            while True:
                stream.write(b"x" * 4096)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    assert read_error(path, pipes=True) == "it is larger than 1 MiB"


def test_a_pipe_without_data_times_out(pipe, tmp_path):
    """The timeout applies with a writer that writes nothing and without a writer. Opening does not block."""
    path, writing = pipe
    os.mkfifo(tmp_path / "fifo")
    for silent in (path, tmp_path / "fifo"):
        assert read_error(silent, pipes=True, seconds=0) == "the pipe did not end within 0 s"
    os.close(writing)


def test_a_pipe_is_rejected_if_the_file_is_read_repeatedly(tmp_path):
    """A pipe is empty when it is read again."""
    os.mkfifo(tmp_path / "fifo")
    assert read_error(tmp_path / "fifo") == "it is a pipe, and must be a file: it is read more than once"


def test_errors_of_the_operating_system_are_reported_in_its_words(tmp_path):
    """The path is not part of the reason, because the caller adds it."""
    (tmp_path / "loop").symlink_to("loop")
    assert read_error(tmp_path) == "Is a directory"
    assert read_error(tmp_path / "x") == "No such file or directory"
    assert read_error(tmp_path / "loop") == "Too many levels of symbolic links"
    assert read_error(tmp_path / ("x" * 300)) == "File name too long"
    assert read_error("a\0b") == "a path cannot have a NUL character"


def test_reading_a_directory_leaks_no_file_descriptor(tmp_path):
    """A web configuration is read repeatedly, so a leak would exhaust the file descriptors."""
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(10):
        read_error(tmp_path)
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_text_must_be_utf_8(tmp_path):
    """The encoding is not guessed."""
    (tmp_path / "x").write_bytes("ä".encode("latin-1"))
    with pytest.raises(FileError, match="it is not UTF-8 text"):
        read_text(tmp_path / "x")
