"""Commands in runbooks can be pasted into any shell: they are POSIX sh, and all variables are quoted."""

import pathlib
import re
import shutil
import subprocess
import textwrap

import pytest

ROOT = pathlib.Path(__file__).parents[2]
RUNBOOKS = sorted((ROOT / "alerts/runbooks").glob("*.md"))
INDENTED = re.compile(r"(?:^(?: {4,}.*|)\n)+", re.MULTILINE)
OUTPUT = ("l-wx------", "[")  # first characters of blocks that show the output of a command
SAFE = re.compile(r"'[^']*'" + r'|"(?:[^"\\$]|\\.|\$(?!\())*"' + r"|^[A-Z_]+=\S+$")
BASH = re.compile(r"<<<|(?:^|\s)\[\[\s|<\(|>\(|&>|\bsource\b|\bfunction\b|\$'|\$\{[^}]*(?://|\^|,,)")


def commands_of(page):
    """The indented blocks with commands. Blocks with YAML or with output are omitted."""
    blocks = (textwrap.dedent(block).strip() for block in INDENTED.findall(page.read_text()))
    return [
        block for block in blocks if block and not block.startswith(OUTPUT) and not block.split("\n")[0].endswith(":")
    ]


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_a_runbook_is_for_any_shell(page):
    """`read <<<` and similar syntax fails in dash, the sh of Debian and of many images."""
    assert commands_of(page)
    for block in commands_of(page):
        command = [shutil.which("dash") or "sh", "-n"]
        done = subprocess.run(command, input=block, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{block}\n{done.stderr}"
        assert not BASH.search(block), block


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_a_runbook_quotes_its_variables(page):
    """Their values are copied from alerts."""
    lines = [line for block in commands_of(page) for line in block.splitlines()]
    assert [line for line in lines if re.search(r"\$[A-Z{]", SAFE.sub("", line))] == []


def test_the_commands_of_the_runbooks_find_the_exporter():
    """They read the namespace and the name of the Deployment from one call of kubectl."""
    (block,) = {
        block
        for page in RUNBOOKS
        for text in commands_of(page)
        if (block := "\n".join(line for line in text.splitlines() if re.match(r"EXPORTER|DEPLOYMENT|echo", line)))
        and "EXPORTER_NS=" in block
    }
    kubectl = "kubectl() { printf %s 'monitoring coderun-exporter'; }\n"
    done = subprocess.run(["sh"], input=kubectl + block, capture_output=True, text=True, check=True)
    assert done.stdout == "monitoring coderun-exporter\n"
    assert done.stderr == ""
