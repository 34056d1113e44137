"""The image as `tools/image/build` makes it, and containers of it that do not outlive a test."""

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
"""What a pod of deploy/ is given too, and nothing that podman does by itself."""

_LONGEST_SECONDS = 300  # that a container may live, should the test run die before it
_NUMBERS = itertools.count()


def build(name: str) -> str:
    """Builds the image under this name; gives its id."""
    done = subprocess.run([BUILD, name], capture_output=True, text=True, timeout=570, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return inspect(name)["Id"]


def podman(*words: object, seconds: float = 60) -> str:
    """What podman prints; an AssertionError with its complaint where it fails."""
    done = _podman(*words, seconds=seconds)
    assert done.returncode == 0, f"podman {' '.join(map(str, words))}: {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout


def inspect(name: str) -> Any:
    """What podman knows of an image or a container."""
    return json.loads(podman("inspect", name))[0]


def remove(*images: str) -> None:
    """Takes these images away, by name or id."""
    podman("rmi", "--force", *images)


def run(image: str, *words: str, entry: str | None = None, options: tuple[str, ...] = LOCKED_DOWN) -> str:
    """What a container prints that ends by itself: the exporter's, or that of another program of the image."""
    chosen = [f"--entrypoint={entry}"] if entry else []
    return podman("run", "--rm", f"--timeout={_LONGEST_SECONDS}", *options, *chosen, image, *words)


class Container:
    """A container that runs locked down while the context is open; `pid` is that of its first process, out here."""

    def __init__(self, image: str, *words: object, options: tuple[str, ...] = ()) -> None:
        self.name = f"coderun-exporter-test-{os.getpid()}-{next(_NUMBERS)}"
        self._start = ("run", "--detach", f"--name={self.name}", f"--timeout={_LONGEST_SECONDS}", *LOCKED_DOWN)
        self._words = (*options, image, *words)

    def __enter__(self) -> Self:
        try:
            podman(*self._start, *self._words)
            self.pid = int(inspect(self.name)["State"]["Pid"])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        podman("rm", "--force", "--ignore", "--time=0", self.name)

    def call(self, *words: str) -> int:
        """The code that a program ends with inside."""
        return _podman("exec", self.name, *words).returncode

    def log(self) -> str:
        """What it has said so far, on both outputs."""
        done = _podman("logs", self.name)
        return done.stdout + done.stderr

    def status(self) -> dict[str, str]:
        """/proc/PID/status of its first process."""
        lines = pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {key: " ".join(value.split()) for key, _, value in (line.partition(":") for line in lines)}

    def end(self) -> tuple[int, float]:
        """SIGTERM: its exit code, and the seconds until the process was gone, without what podman does after that."""
        process = os.pidfd_open(self.pid)
        try:
            signal.pidfd_send_signal(process, signal.SIGTERM)
            sent = time.monotonic()
            gone = bool(select.select([process], [], [], 10)[0])
            took = time.monotonic() - sent
        finally:
            os.close(process)
        assert gone, f"still there after {took:.1f} s: {self.log()}"
        return int(podman("wait", self.name)), took


def digest_of(image: str, folder: str) -> dict[str, str]:
    """Path, kind, mode, owner and content of all that is below a folder of an image; times are left out."""
    mounted = pathlib.Path(podman("image", "mount", image).strip())
    try:
        return {str(path.relative_to(mounted)): _told(path) for path in sorted((mounted / folder).rglob("*"))}
    finally:
        podman("image", "unmount", image)


def _told(path: pathlib.Path) -> str:
    found = path.lstat()
    content = ""
    if stat.S_ISLNK(found.st_mode):
        content = str(path.readlink())
    elif stat.S_ISREG(found.st_mode):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{found.st_mode:o} {found.st_uid}:{found.st_gid} {content}"


def _podman(*words: object, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    command = [str(word) for word in (ROOT / "tools/image/podman", *words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
