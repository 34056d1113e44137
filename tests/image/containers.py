"""Builds the image with `tools/image/build`, and runs containers that are removed after each test."""

import hashlib
import itertools
import json
import os
import pathlib
import select
import signal
import stat
import subprocess
import time
from typing import Any, Self

__all__ = ["BUILD", "LOCKED_DOWN", "ROOT", "Container", "build", "digest_of", "inspect", "podman", "remove", "run"]

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "tools/image/build"

LOCKED_DOWN = (
    *("--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges"),
    *("--no-healthcheck", "--pull=never"),
)
"""The restrictions of the pods in `deploy/`. Podman adds nothing by default."""

_MAX_SECONDS = 300  # lifetime of a container, if the test run dies first
_NUMBERS = itertools.count()


def build(name: str) -> str:
    """Builds the image under this name. Returns its ID."""
    done = subprocess.run([BUILD, name], capture_output=True, text=True, timeout=570, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return inspect(name)["Id"]


def podman(*args: object, seconds: float = 60) -> str:
    """The standard output of podman. Raises AssertionError with its standard error if it fails."""
    done = _podman(*args, seconds=seconds)
    assert done.returncode == 0, f"podman {' '.join(map(str, args))}: {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout


def inspect(name: str) -> Any:
    """The JSON of `podman inspect` for an image or a container."""
    return json.loads(podman("inspect", name))[0]


def remove(*images: str) -> None:
    """Removes these images, by name or ID."""
    podman("rmi", "--force", *images)


def run(image: str, *args: str, entry: str | None = None, options: tuple[str, ...] = LOCKED_DOWN) -> str:
    """The output of a container that exits by itself. `entry` replaces the entrypoint of the image."""
    chosen = [f"--entrypoint={entry}"] if entry else []
    return podman("run", "--rm", f"--timeout={_MAX_SECONDS}", *options, *chosen, image, *args)


class Container:
    """A container that runs while the context is open; `pid` is that of its first process on the host."""

    def __init__(self, image: str, *args: object, options: tuple[str, ...] = ()) -> None:
        self.name = f"coderun-exporter-test-{os.getpid()}-{next(_NUMBERS)}"
        self._start = ("run", "--detach", f"--name={self.name}", f"--timeout={_MAX_SECONDS}", *LOCKED_DOWN)
        self._arguments = (*options, image, *args)

    def __enter__(self) -> Self:
        try:
            podman(*self._start, *self._arguments)
            self.pid = int(inspect(self.name)["State"]["Pid"])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        podman("rm", "--force", "--ignore", "--time=0", self.name)

    def call(self, *args: str) -> int:
        """The exit code of a program that is run in the container."""
        return _podman("exec", self.name, *args).returncode

    def log(self) -> str:
        """Standard output and standard error so far."""
        done = _podman("logs", self.name)
        return done.stdout + done.stderr

    def status(self) -> dict[str, str]:
        """The fields of /proc/PID/status of the first process."""
        lines = pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {key: " ".join(value.split()) for key, _, value in (line.partition(":") for line in lines)}

    def end(self) -> tuple[int, float]:
        """Sends SIGTERM. Returns the exit code and the seconds until the process ended, without podman's cleanup."""
        process = os.pidfd_open(self.pid)
        try:
            signal.pidfd_send_signal(process, signal.SIGTERM)
            sent = time.monotonic()
            ended = bool(select.select([process], [], [], 10)[0])
            took = time.monotonic() - sent
        finally:
            os.close(process)
        assert ended, f"still running after {took:.1f} s: {self.log()}"
        return int(podman("wait", self.name)), took


def digest_of(image: str, folder: str) -> dict[str, str]:
    """Path, type, mode, owner and content of all files in a folder of an image, without times."""
    mounted = pathlib.Path(podman("image", "mount", image).strip())
    try:
        return {str(path.relative_to(mounted)): _describe(path) for path in sorted((mounted / folder).rglob("*"))}
    finally:
        podman("image", "unmount", image)


def _describe(path: pathlib.Path) -> str:
    found = path.lstat()
    content = ""
    if stat.S_ISLNK(found.st_mode):
        content = str(path.readlink())
    elif stat.S_ISREG(found.st_mode):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{found.st_mode:o} {found.st_uid}:{found.st_gid} {content}"


def _podman(*args: object, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    command = [str(word) for word in (ROOT / "tools/image/podman", *args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
