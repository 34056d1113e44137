"""The command line selects a command, and rejects wrong arguments with one line."""

import subprocess
import sys

import pytest

from exporter import __version__
from exporter.commands import check, profile, rbac, run
from tests.commands.in_process import call, wrong


@pytest.fixture
def chosen(monkeypatch):
    """Replaces the commands with stubs, and returns the list of calls: name and arguments."""
    seen = []
    for module in (run, check, profile, rbac):
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
        (["profile", "tasks.kelos.dev"], "profile"),
        (["rbac", "--namespaces=a"], "rbac"),
    ],
)
def test_run_is_the_default_command(chosen, words, command):
    """Flags without a command are flags of `run`, as in the exporters of Prometheus."""
    assert call(*words) == (0, "", "")
    assert [name for name, _ in chosen] == [command]


def test_arguments_default_to_those_of_the_process(chosen, monkeypatch):
    """`coderun-exporter` calls `main` without arguments."""
    monkeypatch.setattr(sys, "argv", ["coderun-exporter", "--namespaces=a,b"])
    from exporter.cli import main  # noqa: PLC0415 - imported after sys.argv is set

    assert main() == 0
    assert chosen[0][1].namespaces == "a,b"


@pytest.mark.parametrize("flag", ["--version"])
def test_the_version(flag):
    """`--version` prints one line on standard output."""
    assert call(flag) == (0, f"coderun-exporter {__version__}\n", "")


@pytest.mark.parametrize(
    "words", [["--help"], ["-h"], ["run", "--help"], ["check", "-h"], ["profile", "-h"], ["rbac", "-h"]]
)
def test_help(words):
    """`--help` works without a command and for each command."""
    code, out, err = call(*words)
    assert (code, err) == (0, "")
    assert "usage: coderun-exporter" in out
    if words[0].startswith("-"):
        assert all(command in out for command in ("run", "check", "profile", "rbac"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--nonsense"], "--nonsense: unknown flag; see coderun-exporter run --help"),
        (["nonsense"], "nonsense: unknown command; known: run, check, "),
        (["chek"], "chek: unknown command; did you mean check?"),
        (["Run"], "Run: unknown command; did you mean run?"),
        (["run", "extra"], "extra: run takes no arguments; see coderun-exporter run --help"),
        (["run", "--log.level=loud"], "--log.level: 'loud' is not one of debug, info, warn, error"),
        (["run", "--log.format=xml"], "--log.format: 'xml' is not one of logfmt, json"),
        (["run", "--context"], "--context: needs a value"),
        (["run", "--web.max-requests=many"], "--web.max-requests: 'many' is not an integer, such as 40"),
        (["run", "--web.max-requests=-1"], "--web.max-requests: '-1' is not an integer, such as 40"),
        (["run", "--web.kubernetes-auth=true"], "--web.kubernetes-auth: takes no value"),
        (["check", "--output=xml"], "--output: 'xml' is not one of text, json, junit"),
        (["demo"], "demo: not part of this package; run make demo in a checkout of the source"),
        (["demo", "--speed=600"], "demo: not part of this package; run make demo in a checkout of the source"),
        (["run", "--web.listen=:1"], "--web.listen: unknown flag; did you mean --web.listen-address?"),
        (["--web.listen-adress", ":1"], "--web.listen-adress: unknown flag; did you mean --web.listen-address?"),
        (["-web.listen-address=:1"], "-web.listen-address: unknown flag; did you mean --web.listen-address?"),
        (["--WEB.LISTEN_ADDRESS=:1"], "--WEB.LISTEN_ADDRESS: unknown flag; did you mean --web.listen-address?"),
        (["--namespace=a"], "--namespace: unknown flag; did you mean --namespaces?"),
        (["check", "--web.listen-address=:1"], "--web.listen-address: not a flag of check, but of run"),
        (["rbac", "--kubeconfig=k"], "--kubeconfig: not a flag of rbac, but of run and check"),
        (["rbac", "--context=c"], "--context: not a flag of rbac, but of run and check"),
        (["rbac", "--label-selector=a=b"], "--label-selector: not a flag of rbac, but of run and check"),
        (["--vers"], "--vers: unknown flag; see coderun-exporter run --help"),
        (
            ["--log.level=debug", "check"],
            "check: the command must be the first argument, as in coderun-exporter check ...",
        ),
        (["check", "--a\n\x1b[2J"], r"--a\n\x1b[2J: unknown flag"),
    ],
)
def test_a_wrong_word_is_one_line(words, said):
    """The line names the flag or command and the most similar valid one. Abbreviations are rejected."""
    assert wrong(*words).startswith(said)


def test_the_package_runs_as_a_module():
    """`python -m exporter` is the same program."""
    done = subprocess.run(
        [sys.executable, "-m", "exporter", "--nonsense"], capture_output=True, text=True, check=False, timeout=45
    )
    assert done.returncode == 2
    assert done.stderr == "coderun-exporter: --nonsense: unknown flag; see coderun-exporter run --help\n"
    assert done.stdout == ""
