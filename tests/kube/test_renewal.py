"""The renewal of credentials: before they expire, and after a 401 of many requests at once."""

import asyncio
import datetime as dt
import logging
import os

import pytest

from exporter.kube.errors import KubeConfigError, UnauthorizedError
from tests.kube.settings import SECRET, Clock, a_kubeconfig, a_plugin, answer, bearer, exec_user, load, runs_in


def expiring_credentials(clock, seconds, token="t"):
    """The output of a plugin whose credentials expire in this number of seconds."""
    expiry = dt.datetime.fromtimestamp(clock.now + seconds, tz=dt.UTC).isoformat()
    return answer({"token": token, "expirationTimestamp": expiry})


async def test_an_exec_plugin_runs_again_a_minute_before_its_credentials_expire(tmp_path):
    """It does not run for each request."""
    clock = Clock()
    path = a_kubeconfig(tmp_path, user=exec_user(a_plugin(tmp_path, expiring_credentials(clock, 900, "first"))))
    credentials = await load(path, clock=clock)
    a_plugin(tmp_path, expiring_credentials(clock, 1800, "second"))
    clock.now += 839
    assert {await bearer(credentials) for _ in range(10)} == {"first"}
    assert runs_in(tmp_path) == 1
    clock.now += 1
    assert await asyncio.gather(*(bearer(credentials) for _ in range(10)))
    assert await bearer(credentials) == "second"
    assert runs_in(tmp_path) == 2
    assert credentials.access.generation == 1


async def test_an_exec_plugin_without_expiry_runs_once(tmp_path):
    """Only a 401 makes it run again."""
    clock = Clock()
    path = a_kubeconfig(tmp_path, user=exec_user(a_plugin(tmp_path, answer({"token": "t"}))))
    credentials = await load(path, clock=clock)
    clock.now += 10**6
    assert await bearer(credentials) == "t"
    assert runs_in(tmp_path) == 1


async def test_short_lived_credentials_do_not_run_the_plugin_for_each_request(tmp_path):
    """Neither do credentials that have already expired, for example because of a wrong clock."""
    clock = Clock()
    path = a_kubeconfig(tmp_path, user=exec_user(a_plugin(tmp_path, expiring_credentials(clock, -5))))
    credentials = await load(path, clock=clock)
    for _ in range(20):
        await bearer(credentials)
        clock.now += 1
    assert runs_in(tmp_path) == 2


async def test_if_a_plugin_fails_before_the_expiry_the_old_credentials_are_kept(tmp_path, caplog):
    """The reason is logged without a secret. The next attempt is 10 s later."""
    clock = Clock()
    path = a_kubeconfig(tmp_path, user=exec_user(a_plugin(tmp_path, expiring_credentials(clock, 900, SECRET))))
    credentials = await load(path, clock=clock)
    a_plugin(tmp_path, "echo >&2 'session over'; exit 1")
    clock.now += 850
    with caplog.at_level(logging.DEBUG):
        assert {await bearer(credentials) for _ in range(5)} == {SECRET}
    assert runs_in(tmp_path) == 2
    assert "Failed to renew" in caplog.text
    assert "session over" in caplog.text
    assert SECRET not in caplog.text
    a_plugin(tmp_path, expiring_credentials(clock, 900, "new"))
    clock.now += 10
    assert await bearer(credentials) == "new"


async def test_requests_do_not_wait_for_a_slow_plugin_while_the_old_credentials_are_valid(tmp_path):
    """Only one request waits. After the expiry all wait for the same run of the plugin."""
    clock = Clock()
    path = a_kubeconfig(tmp_path, user=exec_user(a_plugin(tmp_path, expiring_credentials(clock, 900, "first"))))
    credentials = await load(path, clock=clock)
    a_plugin(
        tmp_path, f"while [ ! -e {tmp_path}/go ]; do sleep 0.01; done\n" + expiring_credentials(clock, 1800, "second")
    )
    clock.now += 850
    waits = asyncio.create_task(bearer(credentials))
    await asyncio.sleep(0)
    assert await bearer(credentials) == "first"
    clock.now += 50
    waits_too = asyncio.create_task(bearer(credentials))
    await asyncio.sleep(0)
    assert not waits_too.done()
    (tmp_path / "go").touch()
    assert await asyncio.gather(waits, waits_too) == ["second", "second"]
    assert runs_in(tmp_path) == 2


async def test_twenty_concurrent_401s_run_the_plugin_once(tmp_path):
    """A request that used older credentials than the current ones does not run it at all."""
    path = a_kubeconfig(tmp_path, user=exec_user(a_plugin(tmp_path, answer({"token": "first"}))))
    credentials = await load(path)
    a_plugin(tmp_path, answer({"token": "second"}))
    await asyncio.gather(*(credentials.renew(generation=0) for _ in range(20)))
    assert runs_in(tmp_path) == 2
    assert await bearer(credentials) == "second"
    await credentials.renew(generation=0)
    assert runs_in(tmp_path) == 2
    await credentials.renew(generation=1)
    assert runs_in(tmp_path) == 3


async def test_a_failed_renewal_keeps_the_old_credentials(tmp_path, caplog):
    """All waiting callers get its error. The output of the plugin is logged once."""
    path = a_kubeconfig(tmp_path, user=exec_user(a_plugin(tmp_path, answer({"token": SECRET}))))
    credentials = await load(path)
    before = credentials.access
    plugin = a_plugin(tmp_path, "echo >&2 'log in again'; exit 7")
    message = f"kubeconfig {path}: user 'u': exec plugin '{plugin}': ended with exit code 7"
    errors = await asyncio.gather(*(credentials.renew(generation=0) for _ in range(20)), return_exceptions=True)
    assert {(type(error), error.code, str(error)) for error in errors} == {
        (
            UnauthorizedError,
            "401",
            f"401, and the credentials could not be renewed: {message}",
        )
    }
    assert isinstance(errors[0].__cause__, KubeConfigError)
    with pytest.raises(UnauthorizedError):
        await credentials.renew(generation=0)
    assert caplog.messages == [f"Failed to renew the credentials: {message}; exec plugin: log in again"]
    assert runs_in(tmp_path) == 3
    assert credentials.access is before
    assert await bearer(credentials) == SECRET
    a_plugin(tmp_path, answer({"token": "fixed"}))
    await credentials.renew(generation=0)
    assert await bearer(credentials) == "fixed"


async def test_a_cancelled_renewal_is_repeated_by_the_next_caller(tmp_path):
    """The plugin is stopped with the caller that started it, and this is not a failure."""
    path = a_kubeconfig(tmp_path, user=exec_user(a_plugin(tmp_path, answer({"token": "first"}))))
    credentials = await load(path)
    os.mkfifo(tmp_path / "started")
    hangs_once = f"[ -e {tmp_path}/go ] || {{ echo > {tmp_path}/started; sleep 100; }}\n"
    a_plugin(tmp_path, hangs_once + answer({"token": "second"}))
    first = asyncio.create_task(credentials.renew(generation=0))
    await asyncio.to_thread((tmp_path / "started").read_text)
    second = asyncio.create_task(credentials.renew(generation=0))
    await asyncio.sleep(0)
    (tmp_path / "go").touch()
    first.cancel()
    await second
    assert first.cancelled()
    assert await bearer(credentials) == "second"


async def test_a_changed_current_context_does_not_change_the_cluster(tmp_path):
    """A user may run `kubectl config use-context`. A new token in the file is used."""
    path = a_kubeconfig(tmp_path)
    credentials = await load(path)
    contexts = [{"name": name, "context": {"cluster": name, "user": "u"}} for name in ("prod", "test")]
    clusters = [{"name": name, "cluster": {"server": f"http://{name}"}} for name in ("prod", "test")]
    a_kubeconfig(tmp_path, contexts=contexts, clusters=clusters, user={"token": "new"}, current_context="test")
    await credentials.renew(generation=0)
    assert credentials.access.server == "http://prod"
    assert await bearer(credentials) == "new"
