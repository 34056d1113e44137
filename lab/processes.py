"""Runs a component as a process that ends with the test run."""

import pathlib
import signal
import socket
import subprocess

__all__ = ["Process", "free_ports"]


class Process:
    """A running component, in its own session so that Ctrl-C reaches only the test run.

    Standard output and standard error are appended to `log`. A guard process kills the component when the guard's
    standard input is closed, which happens whenever the test run ends.
    """

    def __init__(self, *argv: object, folder: pathlib.Path, log: pathlib.Path) -> None:
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [str(word) for word in argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=folder,
                start_new_session=True,
            )
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _; kill -KILL "$1"', "guard", str(self._process.pid)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process ID of the component."""
        return self._process.pid

    def running(self) -> bool:
        """Whether the process is running."""
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, such as SIGSTOP for a server that is connected and silent."""
        self._process.send_signal(number)

    def stop(self) -> None:
        """Kills the component, if it is running, and waits until it has exited."""
        self._guard.kill()
        self._guard.communicate()
        self._process.kill()
        self._process.wait()

    def last_output(self, *, lines: int = 15) -> str:
        """The last lines of the log, for an error message."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def free_ports(count: int) -> list[int]:
    """`count` different free ports of loopback."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
