"""Every ending of the process is an exit code and at most one line: never a traceback."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from exporter.ending import ended
from tests.commands.in_process import call
from tests.kube.settings import a_kubeconfig

PRINTS = f"{sys.executable} -m exporter rbac"


class WrongError(Exception):
    """One that is expected."""


def raising(error):
    """A command that ends like this."""

    def command():
        sys.stdout.write("begun\n")
        raise error

    return command


def line_of(error, capsys):
    """What stands on standard error after an exception, which ended with 2."""
    assert ended(raising(error), expected=(WrongError,)) == 2
    err = capsys.readouterr().err
    assert err.startswith("coderun-exporter: ")
    assert err.count("\n") == 1
    return err.removeprefix("coderun-exporter: ").rstrip("\n")


def in_shell(script):
    """Exit code, standard output, standard error of a shell's command."""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=15, check=False)
    return done.returncode, done.stdout, done.stderr


def test_an_expected_error_is_its_text(capsys):
    """Escaped, so that it stays one line; also out of a group of tasks."""
    assert line_of(WrongError("a\nb\x1b"), capsys) == r"a\nb\x1b"
    assert line_of(ExceptionGroup("g", [ExceptionGroup("h", [WrongError("inner")])]), capsys) == "inner"


def test_an_unexpected_error_is_its_type_and_its_place_without_its_text(capsys):
    """The text may quote a secret."""
    line = line_of(ValueError("http://user:secret@host"), capsys)
    assert line.startswith("unexpected ValueError at exporter/ending.py:")
    assert "secret" not in line
    assert line_of(PermissionError(13, "secret"), capsys).startswith(
        "unexpected PermissionError (Permission denied) at "
    )


def test_an_error_of_a_command_names_the_places_that_led_to_it(monkeypatch):
    """Innermost first."""
    monkeypatch.setattr("exporter.commands.rbac.text_of", lambda _: 1 / 0)
    code, out, err = call("rbac")
    assert (code, out) == (2, "")
    assert err.startswith("coderun-exporter: unexpected ZeroDivisionError at exporter/commands/rbac.py:")
    assert ", called from exporter/cli.py:" in err


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (SystemExit(3), 3), (SystemExit(None), 0), (SystemExit(), 0)]
)
def test_other_endings_say_nothing(error, code, capsys):
    """Ctrl-C ends as a shell says it; `--help` ends well."""
    assert ended(raising(error), expected=()) == code
    assert capsys.readouterr() == ("begun\n", "")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (f"{PRINTS} > /dev/full", "No space left on device"),
        (f"{PRINTS} >&-", "it is closed"),
        (f"{PRINTS} --help > /dev/full", "No space left on device"),
        (f"{sys.executable} -m exporter --version >&-", "it is closed"),
        (f"{sys.executable} -m exporter run --help >&-", "it is closed"),
    ],
)
def test_what_cannot_be_written_is_2_and_one_line(script, reason):
    """An answer that nobody got is no answer."""
    assert in_shell(script) == (2, "", f"coderun-exporter: cannot write to standard output: {reason}\n")


@pytest.mark.parametrize("command", ["rbac", "run --help"])
def test_a_reader_that_is_gone_is_2_and_one_line(command):
    """`coderun-exporter rbac | true`."""
    script = f"{sys.executable} -m exporter {command} | true; exit ${{PIPESTATUS[0]}}"
    assert in_shell(script) == (2, "", "coderun-exporter: cannot write to standard output: Broken pipe\n")


def test_what_does_not_fit_into_the_buffer_is_told_alike(tmp_path):
    """It fails in the middle of the command, and not at its end."""
    names = ",".join(f"a{number}" for number in range(200))
    script = f"{PRINTS} --namespaces={names} | true; exit ${{PIPESTATUS[0]}}"
    assert in_shell(script) == (2, "", "coderun-exporter: cannot write to standard output: Broken pipe\n")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "<&- 2>&-"])
def test_without_standard_error_the_code_is_the_same(redirection):
    """And nothing of an error goes to standard output."""
    code, out, _ = in_shell(f"{PRINTS} {redirection}")
    assert (code, out[:10]) == (0, "# Made by:")
    assert in_shell(f"{sys.executable} -m exporter nonsense {redirection}") == (2, "", "")
    assert in_shell(f"{PRINTS} >&- {redirection}")[:2] == (2, "")


def test_odd_text_is_written_in_any_encoding():
    """A locale that knows no umlauts escapes them."""
    script = f"PYTHONIOENCODING=ascii:strict {PRINTS} --config.file=$'/tmp/\\xc3\\xa4\\xff' --namespaces=a"
    code, out, err = in_shell(script)
    assert (code, out) == (2, "")
    assert err.startswith("coderun-exporter: --config.file: /tmp/\\xe4\\udcff: cannot be read")


async def test_an_interrupt_ends_check_with_130(tmp_path):
    """While it waits for a server that is silent."""
    arrived = asyncio.Event()

    async def silent(reader, writer):
        arrived.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        path = a_kubeconfig(tmp_path, cluster={"server": f"http://127.0.0.1:{port}"})
        command = [sys.executable, "-m", "exporter", "check", "--kubeconfig", str(path)]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        await asyncio.wait_for(arrived.wait(), 10)
        os.kill(process.pid, signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, out, err) == (130, b"", b"")
