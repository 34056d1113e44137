"""The limits of the web server, and how rejected clients are logged and counted."""

import asyncio
import errno
import resource

import pytest
from prometheus_client import CollectorRegistry, Counter

from exporter.commands import run
from exporter.telemetry import REFUSALS, Telemetry
from exporter.web import listener
from exporter.web.limits import Limits, Refusals
from exporter.web.server import ListenError
from tests.commands.in_process import call, logs_as_before, wrong
from tests.web.hostile import REASONS
from tests.web.serving import a_site, fetch

__all__ = ["logs_as_before"]


@pytest.mark.parametrize(
    ("descriptors", "connections"), [(20000, 256), (1024, 256), (256, 128), (resource.RLIM_INFINITY, 256)]
)
def test_connections_use_at_most_half_of_the_file_descriptors(monkeypatch, descriptors, connections):
    """The other half is for connections to the API server."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (descriptors, descriptors))
    assert Limits().connections == connections


async def test_too_few_file_descriptors_are_an_error_at_startup(monkeypatch):
    """The error is one line that states how many are needed."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (63, 63))
    with pytest.raises(ListenError, match=r"^the limit of open files is 63: at least 64 are needed \(ulimit -n\)$"):
        async with a_site():
            pass
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 64))
    async with a_site() as site:
        assert (await fetch(f"{site.url}/livez"))[0] == 200


async def test_without_a_free_file_descriptor_one_line_is_logged(monkeypatch, caplog):
    """Connections are accepted again as soon as there is a free one."""
    monkeypatch.setattr(listener, "_PAUSE_SECONDS", 0.01)
    loop, failed = asyncio.get_running_loop(), []
    accept = loop.sock_accept

    async def full(listening):
        if len(failed) < 20:
            failed.append(listening)
            raise OSError(errno.EMFILE, "Too many open files")
        return await accept(listening)

    monkeypatch.setattr(loop, "sock_accept", full)
    async with a_site() as site:
        assert (await fetch(f"{site.url}/livez"))[0] == 200
    (record,) = caplog.records
    assert (record.message, record.detail) == ("Rejecting clients", "accept: Too many open files")


def test_the_counter_of_every_reason_starts_with_0():
    """`increase()` does not count the first value of a counter."""
    registry = Telemetry(clock=lambda: 0.0).registry
    name = "coderun_exporter_clients_refused_total"
    assert REFUSALS == REASONS
    assert [registry.get_sample_value(name, {"reason": reason}) for reason in REFUSALS] == [0] * len(REFUSALS)


def test_rejected_clients_are_logged_at_most_once_a_minute(caplog):
    """Each reason has its own line with the number of clients since the last one."""
    now = [0.0]
    counter = Counter("refused", "Text.", ["reason"], registry=CollectorRegistry())
    refusals = Refusals(counter=counter, clock=lambda: now[0])
    for _ in range(100):
        refusals.count("slow_reader", detail="x")
        now[0] += 1
    refusals.count("connections")
    assert [(record.reason, record.clients) for record in caplog.records] == [
        ("slow_reader", 1),
        ("slow_reader", 60),
        ("connections", 1),
    ]


@pytest.mark.usefixtures("logs_as_before")
def test_the_limit_of_concurrent_requests_is_a_flag_and_a_setting(tmp_path, monkeypatch):
    """The flag has precedence, and 0 is a valid value."""
    taken = []

    async def serving(settings):
        taken.append(settings.web.max_requests)

    monkeypatch.setattr(run, "_serve", serving)
    (tmp_path / "settings.yml").write_text("web: {max_requests: 7}\n")
    for words in ([], [f"--config.file={tmp_path}/settings.yml"]):
        for more in ([], ["--web.max-requests=0"], ["--web.max-requests=9"]):
            assert call("run", *words, *more)[0] == 0
    assert taken == [40, 0, 9, 7, 0, 9]


@pytest.mark.usefixtures("logs_as_before")
@pytest.mark.parametrize(
    ("flag", "error_text"),
    [
        ("-1", "--web.max-requests: '-1' is not an integer, such as 40"),
        ("many", "--web.max-requests: 'many' is not an integer, such as 40"),
    ],
)
def test_an_invalid_limit_of_concurrent_requests_is_one_line(flag, error_text):
    """The exit code is 2."""
    assert wrong("run", f"--web.max-requests={flag}").startswith(error_text)
