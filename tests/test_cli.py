"""The command line: which command, and what is said of a wrong one."""

import subprocess
import sys

import pytest

from exporter import __version__
from exporter.commands import check, demo, rbac, run
from tests.commands.in_process import call, wrong


@pytest.fixture
def chosen(monkeypatch):
    """The commands do nothing but note their arguments."""
    seen = []
    for module in (run, check, rbac, demo):
        name = module.__name__.rpartition(".")[2]
        monkeypatch.setattr(module, "run", lambda arguments, name=name: seen.append((name, arguments)) or 0)
    return seen


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ([], "run"),
        (["run"], "run"),
        (["--log.level=debug"], "run"),
        (["--context", "check"], "run"),
        (["check", "--output=json"], "check"),
        (["rbac", "--namespaces=a"], "rbac"),
        (["demo"], "demo"),
    ],
)
def test_without_a_command_it_runs(chosen, words, command):
    """As Prometheus' own exporters do; flags may stand alone."""
    assert call(*words) == (0, "", "")
    assert [name for name, _ in chosen] == [command]


def test_the_words_are_those_of_the_process_by_default(chosen, monkeypatch):
    """`coderun-exporter` calls it without any."""
    monkeypatch.setattr(sys, "argv", ["coderun-exporter", "--namespaces=a,b"])
    from exporter.cli import main  # noqa: PLC0415 - beside the argv that it reads

    assert main() == 0
    assert chosen[0][1].namespaces == "a,b"


@pytest.mark.parametrize("flag", ["--version"])
def test_the_version(flag):
    """One line, on standard output."""
    assert call(flag) == (0, f"coderun-exporter {__version__}\n", "")


@pytest.mark.parametrize(
    "words", [["--help"], ["-h"], ["run", "--help"], ["check", "-h"], ["rbac", "-h"], ["demo", "--help"]]
)
def test_help(words):
    """For the whole, and for each command; every flag has a text."""
    code, out, err = call(*words)
    assert (code, err) == (0, "")
    assert "usage: coderun-exporter" in out
    if words[0].startswith("-"):
        assert all(command in out for command in ("run", "check", "rbac", "demo"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--nonsense"], "unrecognized arguments: --nonsense; see coderun-exporter --help"),
        (["nonsense"], "argument COMMAND: invalid choice: 'nonsense'"),
        (["run", "extra"], "unrecognized arguments: extra"),
        (["run", "--log.level=loud"], "argument --log.level: invalid choice: 'loud'"),
        (["run", "--log.format=xml"], "argument --log.format: invalid choice: 'xml'"),
        (["run", "--context"], "argument --context: expected one argument"),
        (["check", "--output=xml"], "argument --output: invalid choice: 'xml'"),
        (["run", "--web.listen=:1"], "unrecognized arguments: --web.listen=:1"),
        (["--name=a"], "unrecognized arguments: --name=a"),
        (["--vers"], "unrecognized arguments: --vers"),
        (["--log.level=debug", "check"], "unrecognized arguments: check: the command comes first"),
    ],
)
def test_a_wrong_word_is_one_line(words, said):
    """Abbreviations are refused as well: a flag of tomorrow could change what they mean."""
    assert said in wrong(*words)


def test_it_is_a_module_too():
    """`python -m exporter`."""
    done = subprocess.run(
        [sys.executable, "-m", "exporter", "--nonsense"], capture_output=True, text=True, check=False, timeout=15
    )
    assert done.returncode == 2
    assert done.stderr == "coderun-exporter: unrecognized arguments: --nonsense; see coderun-exporter --help\n"
    assert done.stdout == ""
