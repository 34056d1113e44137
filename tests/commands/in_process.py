"""The command line, run in this process: its output and its exit code."""

import asyncio
import contextlib
import io
import logging

import pytest

from exporter.cli import main


def call(*args):
    """Exit code, standard output and standard error of the command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(word) for word in args])
        except SystemExit as end:
            code = end.code
    return code, out.getvalue(), err.getvalue()


async def call_in_thread(*args):
    """Runs `call` in a thread, for a command that talks to a server in the event loop of the test."""
    return await asyncio.to_thread(call, *args)


def wrong(*args):
    """The one error line of a command with a wrong setting."""
    code, out, err = call(*args)
    assert (code, out) == (2, "")
    assert err.startswith("coderun-exporter: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err.removeprefix("coderun-exporter: ").rstrip("\n")


@pytest.fixture
def logs_as_before():
    """Restores pytest's log handlers."""
    root, server = logging.getLogger(), logging.getLogger("aiohttp.server")
    before = root.handlers[:], root.level, server.level
    yield
    root.handlers[:], level, server_level = before
    root.setLevel(level)
    server.setLevel(server_level)
