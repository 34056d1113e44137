"""`coderun-exporter demo`: its flags, its exit codes, and a clean end."""

import argparse
import contextlib
import importlib.util
import os
import pathlib
import signal
import socket
import threading
import types

import pytest

import exporter.app
from exporter.commands import demo
from exporter.web.server import ListenError


def arguments_of(*flags):
    """The flags as the command line would parse them."""
    parser = argparse.ArgumentParser()
    demo.add_arguments(parser)
    return parser.parse_args(flags)


@pytest.fixture
def taken():
    """The number of a port that another process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_the_defaults_fit_a_newcomer():
    """Sixty times faster, on the exporter's own port of loopback, and staying is decided by the terminal."""
    arguments = arguments_of()
    assert (arguments.speed, arguments.web_listen_address, arguments.stay) == (60.0, "127.0.0.1:10911", None)


@pytest.mark.parametrize(
    "flags",
    [
        ("--speed", "0"),
        ("--speed", "fast"),
        ("--speed", "nan"),
        ("--speed", "3601"),
    ],
)
def test_a_wrong_flag_is_one_line(flags, capsys):
    """It names the flag and what would be right; exit 2."""
    with pytest.raises(SystemExit) as caught:
        arguments_of(*flags)
    assert caught.value.code == 2
    assert f"argument {flags[0]}: {flags[1]!r} is not " in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install(monkeypatch, capsys):
    """One clear line and exit 2, before anything is started."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert demo.run(arguments_of()) == 2
    assert capsys.readouterr().err == "demo needs promql-parser: pip install 'coderun-exporter[demo]'\n"


@pytest.mark.parametrize(
    ("address", "said"),
    [("localhost", "is not an address to listen on"), ("192.0.2.1:10911", "cannot listen on 192.0.2.1:10911: ")],
)
def test_an_address_that_cannot_be_had_is_an_error_of_one_line(address, said):
    """Whether it is no address at all, or one of no interface here (TEST-NET-1, RFC 5737)."""
    with pytest.raises(ListenError, match=said):
        demo.run(arguments_of("--web.listen-address", address))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_and_a_taken_port_is_replaced(monkeypatch, capsys, taken, number):
    """The exporter gets a free port with a note; the signal ends everything with 130 and no word on stderr."""
    seen = {}

    @contextlib.asynccontextmanager
    async def serve(settings, *, clock):
        seen["address"] = settings.web.listen_addresses[0]
        seen["kubeconfig"] = settings.kubernetes.kubeconfig
        threading.Timer(0.1, os.kill, (os.getpid(), number)).start()
        yield types.SimpleNamespace(url=f"http://{seen['address']}")

    monkeypatch.setattr(exporter.app, "serve", serve)
    code = demo.run(arguments_of("--web.listen-address", f"127.0.0.1:{taken}", "--no-stay"))
    out, err = capsys.readouterr()
    assert (code, err) == (130, "")
    assert seen["address"].startswith("127.0.0.1:")
    assert seen["address"] != f"127.0.0.1:{taken}"
    assert f"127.0.0.1:{taken} is taken: a free port instead." in out
    assert not pathlib.Path(seen["kubeconfig"]).exists()
