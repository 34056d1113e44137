"""The command line in this process: what it prints, and the code that it ends with."""

import asyncio
import contextlib
import io
import logging

import pytest

from exporter.cli import main


def call(*words):
    """Exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:
            code = end.code
    return code, out.getvalue(), err.getvalue()


async def call_in_thread(*words):
    """The same, for a command that talks to a server of this test's event loop."""
    return await asyncio.to_thread(call, *words)


def wrong(*words):
    """The one line that a wrong setting gets."""
    code, out, err = call(*words)
    assert (code, out) == (2, "")
    assert err.startswith("coderun-exporter: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err.removeprefix("coderun-exporter: ").rstrip("\n")


@pytest.fixture
def logs_as_before():
    """Gives pytest its log handlers back."""
    root, server = logging.getLogger(), logging.getLogger("aiohttp.server")
    before = root.handlers[:], root.level, server.level
    yield
    root.handlers[:], level, server_level = before
    root.setLevel(level)
    server.setLevel(server_level)
