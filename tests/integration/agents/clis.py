"""Agent CLIs as containers run them, with a model on loopback and without any other network."""

import functools
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping
from typing import NamedTuple

from lab.components import component
from lab.processes import free_ports
from tests.integration.agents import model_api
from tests.integration.agents.container import Container

__all__ = ["CLAUDE", "CLIS", "CODEX", "CODEX_READS", "CODEX_TEXT", "MESSAGE", "Cli"]

_NAMESPACE = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
"""Runs a command in a network namespace that has only loopback. It needs the right of root."""
_CODEX_CONFIG = """
model = "standin"
model_provider = "standin"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.standin]
name = "standin"
base_url = "{url}/v1"
wire_api = "responses"
"""

MESSAGE = b'{"type":"user","message":{"role":"user","content":[{"type":"text","text":"Do the work."}]}}\n'
"""A message to Claude Code on its standard input."""


class Cli(NamedTuple):
    """A CLI and how it is started. `{url}` in files and in the environment is that of the model's API."""

    name: str
    binary: str
    argv: tuple[str, ...]
    last: bytes
    """A part of the last line that it writes before it hangs."""
    cause: str
    """The cause that its log shows."""
    alert: str
    before: tuple[str, ...] = ()
    """The command around it."""
    text: bytes = b""
    """What is written to its standard input, which stays open."""
    environment: Mapping[str, str] = {}
    files: Mapping[str, str] = {}
    """Files in its home directory."""

    def container(self, folder: pathlib.Path, *, log: pathlib.Path) -> Container:
        """The CLI with its own directories for home, work and temporary files in `folder`."""
        [port] = free_ports(1)
        url = f"http://127.0.0.1:{port}"
        home, work, scratch = (folder / name for name in ("home", "work", "tmp"))
        for each in (work, scratch):
            each.mkdir(parents=True)
        for name, text in self.files.items():
            file = home / name
            file.parent.mkdir(parents=True)
            file.write_text(text.replace("{url}", url))
        environment = {name: text.replace("{url}", url) for name, text in self.environment.items()}
        return Container(
            *(_NAMESPACE if _has_namespaces() else ()),
            *(sys.executable, model_api.__file__, port),
            *self.before,
            component(self.binary),
            *self.argv,
            environment={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(scratch)} | environment,
            folder=work,
            log=log,
            text=self.text,
        )


@functools.cache
def _has_namespaces() -> bool:
    """Whether this process may make network namespaces."""
    try:
        return not subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False, timeout=10).returncode
    except OSError:
        return False


_QUIET = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1"}
_EXEC = ("exec", "--json", "--skip-git-repo-check", "Do the work.")

CLAUDE = Cli(
    name="claude",
    binary="claude",
    argv=("-p", "--input-format=stream-json", "--output-format=stream-json", "--verbose"),
    text=MESSAGE,
    last=b'"type":"result"',
    cause="finished_not_exited",
    alert="AgentFinishedNotExited",
    environment={"ANTHROPIC_BASE_URL": "{url}", "ANTHROPIC_API_KEY": "none"} | _QUIET,
)
"""It waits for further messages after its result, until its input is closed: incident 2."""

CODEX = Cli(
    name="codex",
    binary="codex",
    argv=_EXEC,
    before=("sh", "-c", '"$@" </dev/null; read -r _', "wrapper"),
    last=b'"type":"turn.completed"',
    cause="finished_not_exited",
    alert="AgentFinishedNotExited",
    files={".codex/config.toml": _CODEX_CONFIG},
)
"""It ends, and the script around it waits for its own input."""

CODEX_TEXT = CODEX._replace(
    name="codex-text", argv=tuple(word for word in CODEX.argv if word != "--json"), last=b"tokens used"
)
"""As the scripts of the platform start it. Standard error has the number of tokens on a line of its own."""

CODEX_READS = CODEX._replace(
    name="codex-reads",
    before=(),
    last=b"Reading additional input from stdin...",
    cause="waiting_for_input",
    alert="AgentBlocked",
)
"""With an open input, it reads the input before it begins."""

CLIS = (CLAUDE, CODEX, CODEX_TEXT, CODEX_READS)
