"""`run`: flags, start and signals."""

import contextlib
import http.server
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from exporter.commands import run
from exporter.config import Kubernetes, Settings
from lab.waiting import until
from tests.commands.in_process import call, logs_as_before, wrong
from tests.kube.settings import SECRET, a_kubeconfig, a_plugin, answer, exec_user

__all__ = ["logs_as_before"]


def a_free_port():
    """A port on which no process listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def args_for(folder, *more, user=None, port=0):
    """The arguments of a run whose API server cannot be reached."""
    path = a_kubeconfig(folder, cluster={"server": f"http://127.0.0.1:{a_free_port()}"}, user=user)
    return ["run", "--kubeconfig", str(path), f"--web.listen-address=127.0.0.1:{port}", *more]


@contextlib.contextmanager
def a_process(*args):
    """Runs `python -m exporter` with these arguments, and kills it at the end."""
    command = [sys.executable, "-m", "exporter", *args]
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, preexec_fn=reset_signals, **pipes) as process:  # noqa: PLW1509
        try:
            yield process
        finally:
            process.kill()


def reset_signals():
    """Restores the signals of a terminal: a background process that starts the tests may ignore them."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def end_with(process, number):
    """Sends the signal. Returns the seconds until the exit, the exit code, and the rest of the output."""
    begun = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=45)
    return time.monotonic() - begun, process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_run_with_0(tmp_path, number):
    """It prints no traceback and no error, although the API server cannot be reached."""
    with a_process(*args_for(tmp_path)) as process:
        line = process.stderr.readline()
        started = re.search(
            r"level=INFO msg=Started version=\S+ api_server=127\.0\.0\.1:[0-9]+ .* listen=(\S+)", line
        )
        assert started, line
        assert f'credentials="kubeconfig {tmp_path}/config (context prod)"' in line
        with urllib.request.urlopen(f"{started[1]}/metrics", timeout=5) as response:  # noqa: S310 - its own address
            metrics = response.read().decode()
        assert 'coderun_exporter_resource_required{resource="coderuns",scope="*"} 1.0' in metrics
        # Each of coderuns, jobs and six ConfigMaps becomes unreachable: one line each, however often it is retried.
        changes = [process.stderr.readline() for _ in range(8)]
        _, code, out, err = end_with(process, number)
    assert (code, out, err) == (0, "", "")
    assert SECRET not in line + metrics + "".join(changes)
    assert all('msg="Resource state changed"' in each for each in changes)


def test_a_signal_during_startup_ends_run(tmp_path):
    """A credential plugin may wait for a user in a browser."""
    plugin = a_plugin(tmp_path, f"sleep 60\n{answer({'token': 'x'})}")
    with a_process(*args_for(tmp_path, user=exec_user(plugin))) as process:
        deadline = time.monotonic() + 10
        while not (tmp_path / "runs").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        _, code, _, err = end_with(process, signal.SIGTERM)
    assert code == 0
    assert "Traceback" not in err


class RejectingServer(http.server.BaseHTTPRequestHandler):
    """An API server that rejects every token with 401."""

    def do_GET(self):
        """401."""
        self.send_error(401)

    def log_message(self, *_):
        """Nothing."""


def test_a_signal_while_a_plugin_hangs_ends_both_and_the_plugins_children(tmp_path):
    """The token is rejected, so the plugin runs again and ignores SIGTERM. A child in another session survives."""
    leaves = f"setsid sh -c 'echo $$ > {tmp_path}/left; exec sleep 60' & while [ ! -s {tmp_path}/left ]; do :; done"
    hangs = f"trap '' TERM; {leaves}; sleep 60 & echo $$ $! > {tmp_path}/pids; wait"
    hangs = f"[ $(wc -l < {tmp_path}/runs) -lt 2 ] || {{ {hangs}; }}"
    plugin = a_plugin(tmp_path, f"{hangs}\n{answer({'token': 'x'})}")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), RejectingServer) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        cluster = {"server": f"http://127.0.0.1:{server.server_port}"}
        path = a_kubeconfig(tmp_path, cluster=cluster, user=exec_user(plugin))
        with a_process("run", "--kubeconfig", path, "--web.listen-address=127.0.0.1:0") as process:
            deadline = time.monotonic() + 10
            while not (tmp_path / "pids").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            _, code, _, err = end_with(process, signal.SIGTERM)
        server.shutdown()
    left, ended = int((tmp_path / "left").read_text()), (tmp_path / "pids").read_text().split()
    try:
        assert (code, is_running(left)) == (0, True)
    finally:
        os.kill(left, signal.SIGKILL)
    assert not [pid for pid in ended if is_running(pid)]
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_ends_check_ends_a_hanging_plugin_too(tmp_path, number):
    """Only SIGINT has a handler in `check`."""
    plugin = a_plugin(tmp_path, f"trap '' TERM INT HUP; sleep 60 & echo $$ $! > {tmp_path}/pids; wait")
    path = a_kubeconfig(tmp_path, user=exec_user(plugin))
    with a_process("check", "--kubeconfig", path) as process:
        deadline = time.monotonic() + 10
        while not (tmp_path / "pids").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        _, code, _, _ = end_with(process, number)
    assert code != 0
    until(
        lambda: not [pid for pid in (tmp_path / "pids").read_text().split() if is_running(pid)],
        what="they have ended",
    )


def is_running(pid):
    """Whether the process runs. A zombie does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    return False


@pytest.mark.usefixtures("logs_as_before")
def test_it_serves_until_a_signal(tmp_path):
    """`run` is called in this process. It uses the address, the path and the log format of the flags."""
    port, seen = a_free_port(), []

    def look_and_stop():
        with contextlib.suppress(OSError):
            for _ in range(500):
                with contextlib.suppress(OSError):
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/m", timeout=5) as response:
                        seen.append(response.status)
                    break
                time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=look_and_stop)
    args = args_for(tmp_path, "--web.telemetry-path=/m", "--log.format=json", "--log.level=warn", port=port)
    watcher.start()
    code, out, err = call(*args)
    watcher.join()
    assert (code, out, seen) == (0, "", [200])
    assert '"msg": "Started"' not in err
    assert err.count('"msg": "Resource state changed"') == 8


def test_a_port_in_use_is_one_line(tmp_path):
    """Another exporter may run on the machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with a_process(*args_for(tmp_path, port=port)) as process:
            out, err = process.communicate(timeout=45)
    assert (process.returncode, out) == (2, "")
    assert err == (
        f"coderun-exporter: cannot listen on 127.0.0.1:{port}: the port is in use; "
        "is another exporter running? Choose another with --web.listen-address\n"
    )


CONFIGS = {
    "an unknown key": ("tresholds: {}\n", r":1: unknown key 'tresholds'; did you mean 'thresholds'\?"),
    "an unknown key inside": ("web:\n  telemetrypath: /m\n", r":2: unknown key 'web.telemetrypath'; did you mean"),
    "a wrong type": ("web:\n  listen_addresses: 5\n", r":2: web.listen_addresses: expected a list, got int"),
    "a wrong duration": ("retention: soon\n", r":1: retention: 'soon' is not a duration"),
    "no YAML": ("a: [\n", r":2: not YAML"),
    "a value that does not fit its tag": ("web: {max_requests: !!bool q}\n", "settings.yml: not YAML: 'q'"),
    "a list": ("[]\n", "expected a mapping of settings"),
    "a wrong level": ("log: {level: loud}\n", "log.level: expected one of debug, info, warn, error"),
    "nowhere to listen": ("web: {listen_addresses: []}\n", "listen_addresses: at least one address is needed"),
    "an address that is none": ("web: {listen_addresses: [here]}\n", "'here' is not a listen address"),
    "a path that is none": ("web: {telemetry_path: '/{x}'}\n", "is not a metrics path"),
}


@pytest.mark.usefixtures("logs_as_before")
@pytest.mark.parametrize("fault", CONFIGS)
def test_a_wrong_settings_file_is_one_line(tmp_path, fault):
    """The line has the file, the line in it, the key, and what is valid."""
    text, expected = CONFIGS[fault]
    (tmp_path / "settings.yml").write_text(text)
    line = wrong("run", "--config.file", tmp_path / "settings.yml")
    assert re.search(expected, line), line


@pytest.mark.usefixtures("logs_as_before")
@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--config.file=/nowhere.yml"], "--config.file: /nowhere.yml: cannot be read: No such file or directory"),
        (["--config.file=/"], "--config.file: /: cannot be read: Is a directory"),
        (["--kubeconfig=/nowhere"], "/nowhere"),
        (
            ["--web.listen-address=10911"],
            "--web.listen-address: '10911' is not a listen address: use HOST:PORT",
        ),
        (["--web.listen-address=:1", "--web.listen-address=:x"], "':x' is not a listen address"),
        (["--web.telemetry-path=metrics"], "--web.telemetry-path: 'metrics' does not begin with /"),
        (["--namespaces="], "--namespaces: '' is not a namespace name"),
        (["--namespaces=a,B_c"], "namespaces: 'B_c' is not a namespace name"),
        (["--label-selector=a b"], "--label-selector: 'a b' is not a label selector, such as"),
        (
            ["--web.telemetry-path=/livez"],
            "--web.telemetry-path: '/livez' is not a metrics path: it is the path of a health check",
        ),
    ],
)
def test_a_wrong_flag_is_one_line(args, expected):
    """The exit code is 2."""
    assert expected in wrong("run", *args)


@pytest.mark.usefixtures("logs_as_before")
def test_an_unknown_context_is_one_line(tmp_path):
    """The line names the context and the kubeconfig."""
    line = wrong("run", "--kubeconfig", a_kubeconfig(tmp_path), "--context=staging")
    assert "staging" in line
    assert str(tmp_path) in line


@pytest.mark.usefixtures("logs_as_before")
def test_a_flag_overrides_the_settings_file(tmp_path, monkeypatch):
    """Other settings of the file apply."""
    taken = []

    async def serving(settings):
        taken.append(settings)

    monkeypatch.setattr(run, "_serve", serving)
    (tmp_path / "settings.yml").write_text(
        "namespaces: [a]\nkubernetes: {kubeconfig: /k, context: one}\nlog: {format: json}\n"
    )
    args = ("--config.file", tmp_path / "settings.yml", "--context=two", "--namespaces= b,c ", "--log.level=error")
    assert call("run", *args)[0] == 0
    assert taken[0].namespaces == ("b", "c")
    assert taken[0].kubernetes == Kubernetes(kubeconfig="/k", context="two")
    assert (taken[0].log.level, taken[0].log.format) == ("error", "json")
    assert call("run")[0] == 0
    assert taken[1] == Settings()
