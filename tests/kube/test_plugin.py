"""Exec credential plugins: their input, their output, and the errors for a failing plugin."""

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from exporter.kube import process
from exporter.kube.errors import KubeConfigError
from exporter.kube.plugin import plain
from tests.kube.settings import SECRET, a_kubeconfig, a_plugin, answer, exec_user, load, the_error

GROUP = "client.authentication.k8s.io"


async def the_plugins_error(path, **more):
    """The error of a load, without the beginning that names the plugin."""
    line = await the_error(path, **more)
    beginning = f"kubeconfig {path}: user 'u': exec plugin '{path.parent}/plugin': "
    assert line.startswith(beginning)
    return line.removeprefix(beginning)


async def test_a_plugin_gets_arguments_variables_and_exec_info(tmp_path):
    """A relative command is relative to the kubeconfig. `interactive` is always false."""
    script = f'echo "$KUBERNETES_EXEC_INFO" > {tmp_path}/info\n'
    a_plugin(tmp_path, script + answer({"token": "$1-$MINE"}, quote=""))
    env = [{"name": "MINE", "value": "b"}]
    path = a_kubeconfig(tmp_path, user=exec_user("./plugin", args=["a"], env=env, installHint=None))
    credentials = await load(path)
    assert await credentials.headers() == {"Authorization": "Bearer a-b"}
    assert json.loads((tmp_path / "info").read_text()) == {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "spec": {"interactive": False},
    }


async def test_a_plugin_gets_the_cluster_if_the_kubeconfig_says_so(tmp_path):
    """The kubernetes package does not support provideClusterInfo."""
    script = f'echo "$KUBERNETES_EXEC_INFO" > {tmp_path}/info\n'
    plugin = a_plugin(tmp_path, script + answer({"token": "t"}))
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}
    cluster = {"server": "http://h", "proxy-url": "http://p:1", "extensions": [extension]}
    await load(a_kubeconfig(tmp_path, cluster=cluster, user=exec_user(plugin, provideClusterInfo=True)))
    assert json.loads((tmp_path / "info").read_text())["spec"]["cluster"] == {
        "server": "http://h",
        "proxy-url": "http://p:1",
        "config": {"audience": "x"},
    }


async def test_a_missing_command_is_an_error_and_its_install_hint_is_logged(tmp_path, caplog):
    """The hint is part of the kubeconfig."""
    path = a_kubeconfig(tmp_path, user=exec_user("./plugin", installHint="Get it:\n  brew install it"))
    assert await the_plugins_error(path) == "cannot be started: No such file or directory"
    assert caplog.messages == ["Exec plugin: Get it: brew install it"]


@pytest.mark.parametrize(
    ("script", "wrong"),
    [
        (f"echo >&2 {SECRET}; exit 3", "ended with exit code 3"),
        ("exit 1", "ended with exit code 1"),
        ("kill -9 $$", "ended with exit code -9"),
        (f"echo {SECRET}", "its output is not an ExecCredential (JSON is malformed: invalid character (byte 0))"),
        (r"printf '\377'", "its output is not an ExecCredential (JSON is malformed: invalid character (byte 0))"),
        ("echo '[]'", "its output is not an ExecCredential (Expected `object`, got `array`)"),
        ("echo >&2 'oh no'", "its output is not an ExecCredential (Input data was truncated)"),
        ("yes", "its output is longer than 1 MiB"),
        (answer({}, version="v1beta1"), f"returned {GROUP}/v1beta1, expected {GROUP}/v1 ExecCredential"),
        (answer({}, version=SECRET), f"returned something else, expected {GROUP}/v1 ExecCredential"),
        (answer({}), "returned neither a token nor a certificate"),
        (answer(None) + "\necho hm >&2", "returned neither a token nor a certificate"),
        (
            answer({"clientCertificateData": SECRET}),
            "returned a certificate without its key, or a key without its certificate",
        ),
        (
            answer({"token": SECRET, "expirationTimestamp": "soon"}),
            (
                "its output is not an ExecCredential "
                "(Invalid RFC3339 encoded datetime - at `$.status.expirationTimestamp`)"
            ),
        ),
    ],
)
async def test_a_failing_plugin_is_an_error(tmp_path, script, wrong):
    """The client must not become anonymous. The error contains no output of the plugin."""
    path = a_kubeconfig(tmp_path, user=exec_user(a_plugin(tmp_path, script)))
    assert await the_plugins_error(path) == wrong


async def test_a_token_with_a_line_break_is_rejected(tmp_path):
    """The line break could add another header."""
    plugin = a_plugin(tmp_path, answer({"token": "a\nb"}))
    with pytest.raises(KubeConfigError, match=r"exec plugin's token: has characters that are not allowed"):
        await load(a_kubeconfig(tmp_path, user=exec_user(plugin)))


async def test_a_plugin_that_needs_a_terminal_is_rejected(tmp_path):
    """An exporter has no terminal."""
    path = a_kubeconfig(tmp_path, user=exec_user(f"{tmp_path}/plugin", interactiveMode="Always"))
    assert await the_plugins_error(path) == "needs a terminal (interactiveMode: Always), which is not supported"


ZONE_ERROR = "Expected `datetime` with a timezone component"
TIME_ERROR = "Invalid RFC3339 encoded datetime"


@pytest.mark.parametrize(
    ("expiry", "wrong"),
    [
        ("2026-01-01T00:00:00", ZONE_ERROR),
        ("2026-01-01 00:00:00.5", ZONE_ERROR),
        ("2026-01-01", TIME_ERROR),
        ("2026-01-01T00:00Z", TIME_ERROR),
        ("", TIME_ERROR),
        ("1767225600", TIME_ERROR),
    ],
)
async def test_an_invalid_expiry_time_is_rejected(tmp_path, expiry, wrong):
    """A time without a zone would be interpreted in the zone of this machine, hours too early or too late."""
    plugin = a_plugin(tmp_path, answer({"token": SECRET, "expirationTimestamp": expiry}))
    line = await the_plugins_error(a_kubeconfig(tmp_path, user=exec_user(plugin)))
    assert line == f"its output is not an ExecCredential ({wrong} - at `$.status.expirationTimestamp`)"


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("echo >&2 'not logged in'; exit 3", ["not logged in"]),
        (r"printf '\033[31mred\033[0m\a\tand\r\n\342\200\256blue' >&2; exit 1", ["red and blue"]),
        ("echo >&2 'POST https://me:pw@idp.example/token?x=y: 401'; exit 1", ["POST REDACTED: 401"]),
        ("echo >&2 'got ghp_abc'; exit 1", ["got REDACTED"]),
        ("exit 1", []),
    ],
)
async def test_the_standard_error_of_a_failing_plugin_is_only_logged(tmp_path, caplog, script, lines):
    """Each line is cleaned. It helps to fix the plugin, but it may contain a secret, so it is not shown elsewhere."""
    path = a_kubeconfig(tmp_path, user=exec_user(a_plugin(tmp_path, script)))
    assert await the_plugins_error(path) in {"ended with exit code 1", "ended with exit code 3"}
    assert caplog.messages == [f"Exec plugin: {line}" for line in lines]


async def test_long_output_is_truncated_in_the_middle(tmp_path, caplog):
    """About 300 characters are kept. Larger output is read without a deadlock."""
    script = "echo first >&2; head -c 3000000 /dev/zero | tr '\\0' x >&2; echo ' last' >&2; exit 1"
    await the_plugins_error(a_kubeconfig(tmp_path, user=exec_user(a_plugin(tmp_path, script))))
    (line,) = caplog.messages
    assert line.startswith("Exec plugin: first ")
    assert line.endswith(" last")
    assert len(line) < 330


async def test_the_output_of_a_program_is_bounded(tmp_path):
    """Both ends of standard error are kept. Standard output is read until it exceeds its maximum."""
    script = "head -c 20000000 /dev/zero | tr '\\0' x >&2; echo last >&2; yes"
    ended = await process.run([a_plugin(tmp_path, script)], environ={"PATH": "/usr/bin:/bin"}, seconds=10)
    assert len(ended.err) <= 16 << 10
    assert ended.err.endswith(b"xlast\n")
    assert process.MAX_OUTPUT < len(ended.out) < 2 * process.MAX_OUTPUT
    assert ended.code is None


def test_plain_text_is_unchanged():
    """Only characters that a terminal or a log could misinterpret are replaced."""
    assert plain("Žluťoučký kůň: 100 %") == "Žluťoučký kůň: 100 %"
    assert plain("a\u2028b\x9b\u202ec\x00") == "a b c"
    assert len(plain("x " * 301)) <= 300


def alive(pid):
    """Whether the process runs. A zombie does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    return False


async def has_ended(pid):
    """Waits up to 5 s, and returns whether the process has ended."""
    for _ in range(500):
        if not alive(pid):
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_hanging_plugin_is_stopped_with_its_children(tmp_path, caplog):
    """Its output until then is logged."""
    script = f"echo 'open a browser' >&2; sleep 100 & echo $! > {tmp_path}/child; echo $$ > {tmp_path}/self; wait"
    path = a_kubeconfig(tmp_path, user=exec_user(a_plugin(tmp_path, script)))
    line = await the_plugins_error(path, plugin_timeout=1.0)
    assert line == "no response within 1 s, stopped"
    assert caplog.messages == ["Exec plugin: open a browser"]
    for name in ("self", "child"):
        assert await has_ended(int((tmp_path / name).read_text()))


async def test_a_child_in_another_session_is_not_waited_for(tmp_path):
    """It may keep the pipes open for any time."""
    child = "import os, sys, time; os.setsid(); open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(100)"
    script = f'{sys.executable} -IS -c "{child}" {tmp_path}/child & while [ ! -s {tmp_path}/child ]; do :; done; wait'
    path = a_kubeconfig(tmp_path, user=exec_user(a_plugin(tmp_path, script)))
    try:
        assert await the_plugins_error(path, plugin_timeout=1.5) == "no response within 1.5 s, stopped"
    finally:
        os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


@pytest.mark.parametrize("everything", [False, True])
async def test_a_cancelled_load_stops_the_plugin(tmp_path, everything):
    """This also holds if asyncio.run cancels all tasks at shutdown."""
    os.mkfifo(tmp_path / "self")
    plugin = a_plugin(tmp_path, f"echo $$ > {tmp_path}/self; sleep 100")
    task = asyncio.create_task(load(a_kubeconfig(tmp_path, user=exec_user(plugin))))
    pid = int(await asyncio.to_thread((tmp_path / "self").read_text))
    for each in asyncio.all_tasks() - {asyncio.current_task()} if everything else {task}:
        each.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await has_ended(pid)
    gc.collect()  # an open pipe raises a ResourceWarning when it is collected


async def test_a_load_that_is_cancelled_while_the_plugin_starts_stops_the_plugin(tmp_path):
    """No process and no open pipe remains, at whatever step the cancellation comes."""
    plugin = a_plugin(tmp_path, f"echo $$ >> {tmp_path}/pids; sleep 100")
    path = a_kubeconfig(tmp_path, user=exec_user(plugin))
    for steps in range(12):
        task = asyncio.create_task(load(path))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
    gc.collect()  # an open pipe raises a ResourceWarning when it is collected
    pids = (tmp_path / "pids").read_text().split() if (tmp_path / "pids").exists() else []
    assert all([await has_ended(int(pid)) for pid in pids])
