"""`python -m lab.demo`: its flags, its exit codes, and its end by a signal."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import types

import pytest

import exporter.app
from lab.demo import command


@pytest.fixture
def used_port():
    """A port on which another process listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def replay_arguments(monkeypatch):
    """The arguments of the replay, which is replaced by a function that returns 0."""
    seen = {}

    async def replay(**arguments):
        seen.update(arguments)
        return 0

    monkeypatch.setattr(command, "replay", replay)
    return seen


def test_the_defaults_are_for_new_users(replay_arguments, capsys):
    """The speed is 60. If the output is not a terminal, the demo ends after the replay."""
    assert command.main(["--web.listen-address=127.0.0.1:0"]) == 0
    assert capsys.readouterr() == ("", "")
    assert (replay_arguments["speed"], replay_arguments["stay"], replay_arguments["note"]) == (60.0, False, "")


def test_help_names_every_flag(capsys):
    """The exit code is 0, and standard output has the help."""
    assert command.main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(flag in out for flag in ("--speed", "--web.listen-address", "--stay", "127.0.0.1:10911"))


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--speed=0"], "--speed: '0' is not a number from 1 to 3600"),
        (["--speed", "fast"], "--speed: 'fast' is not a number from 1 to 3600"),
        (["--speed", "nan"], "--speed: 'nan' is not a number from 1 to 3600"),
        (["--speed", "3601"], "--speed: '3601' is not a number from 1 to 3600"),
        (["--fast"], "unrecognized arguments: --fast"),
    ],
)
def test_a_wrong_flag_is_one_line(flags, line, replay_arguments, capsys):
    """The exit code is 2. The line names the flag and what is valid, and no replay starts."""
    assert command.main(flags) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"coderun-exporter: {line}; see python -m lab.demo --help\n")
    assert not replay_arguments


@pytest.mark.parametrize(
    ("address", "line"),
    [("localhost", "is not a listen address"), ("192.0.2.1:10911", "cannot listen on 192.0.2.1:10911: ")],
)
def test_an_address_that_cannot_be_used_is_one_line(address, line, capsys):
    """It is not an address, or not an address of this machine (TEST-NET-1, RFC 5737)."""
    assert command.main(["--web.listen-address", address]) == 2
    err = capsys.readouterr().err
    assert line in err
    assert err.count("\n") == 1


def test_missing_dependencies_are_one_line():
    """The Python of the system does not have them. The line says how to install them."""
    program = (
        "import sys, runpy; sys.modules['promql_parser'] = None; runpy.run_module('lab.demo', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "lab.demo: promql_parser is not installed; `make demo` installs what it needs\n"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_demo_and_a_used_port_is_replaced(monkeypatch, capsys, used_port, number):
    """The exporter gets a free port, and a note reports this. The exit code is 130, without errors."""
    seen = {}

    @contextlib.asynccontextmanager
    async def serve(settings, *, clock, polls_logs):
        seen["address"] = settings.web.listen_addresses[0]
        seen["kubeconfig"] = settings.kubernetes.kubeconfig
        threading.Timer(0.1, os.kill, (os.getpid(), number)).start()
        yield types.SimpleNamespace(url=f"http://{seen['address']}", logs=None)

    monkeypatch.setattr(exporter.app, "serve", serve)
    code = command.main(["--web.listen-address", f"127.0.0.1:{used_port}", "--no-stay"])
    out, err = capsys.readouterr()
    assert (code, err) == (130, "")
    assert seen["address"].startswith("127.0.0.1:")
    assert seen["address"] != f"127.0.0.1:{used_port}"
    assert f"127.0.0.1:{used_port} is taken: a free port instead." in out
    assert not pathlib.Path(seen["kubeconfig"]).exists()
