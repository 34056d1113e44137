"""A process of a component under test that never outlives the test run, however that ends."""

import pathlib
import signal
import socket
import subprocess

__all__ = ["Process", "free_ports"]


class Process:
    """One running component, in a session of its own so that Ctrl-C reaches only the test run.

    `log` takes both outputs. A guard process waits for the end of its standard input, which comes when the test
    run dies in whatever way, and then kills the component.
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
        """The component's process id."""
        return self._process.pid

    def running(self) -> bool:
        """Whether it is still alive."""
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, e.g. SIGSTOP for a server that is connected and silent."""
        self._process.send_signal(number)

    def stop(self) -> None:
        """Kill the component and wait for its end; harmless when it has ended already."""
        self._guard.kill()
        self._guard.communicate()
        self._process.kill()
        self._process.wait()

    def last_words(self, *, lines: int = 15) -> str:
        """The end of its log, for the message of a start that failed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def free_ports(count: int) -> list[int]:
    """So many different loopback ports that nobody listened on a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
