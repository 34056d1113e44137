"""Which path leads where, on which addresses it listens, how it stops."""

import asyncio
import errno
import socket

import aiohttp
import pytest

from exporter.web import server
from exporter.web.server import ListenError, check_path, parse_address
from tests.web.serving import LINES, Site, a_site, fetch


def has_ipv6():
    """Whether this machine has an IPv6 loopback."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback here")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":10911", (None, 10911)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("localhost:65535", ("localhost", 65535)),
        ("[::1]:80", ("::1", 80)),
        ("[::]:80", ("::", 80)),
    ],
)
def test_an_address_is_a_host_and_a_port(text, address):
    """As Prometheus' own programs take it."""
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "10911", "localhost", "localhost:", "localhost:http", ":65536", ":-1", "[::1]"])
def test_what_is_no_address_is_one_line(text):
    """That says what would be right."""
    with pytest.raises(ListenError, match=r"^'.*' is not a listen address: use HOST:PORT, or :PORT"):
        parse_address(text)


@pytest.mark.parametrize("path", ["/", "/metrics", "/a/b-c_d~e.f/1"])
def test_metrics_may_be_at_any_plain_path(path):
    """The root as well."""
    check_path(path)


@pytest.mark.parametrize("path", ["", "metrics", "/a b", "/{name}", "/a?b", "/a%20b", "/ü", "/livez", "/-/ready"])
def test_a_path_that_cannot_be_served_is_one_line(path):
    """Before the router makes an exception of it."""
    with pytest.raises(ListenError, match="is not a metrics path"):
        check_path(path)


async def test_what_is_not_there_is_404_and_what_is_not_done_405():
    """Nothing but GET and HEAD."""
    async with a_site() as site:
        assert (await fetch(f"{site.url}/nowhere"))[0] == 404
        assert (await fetch(f"{site.url}/metrics/"))[0] == 404
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            status, headers, _ = await fetch(f"{site.url}/metrics", method=method)
            assert (status, headers["Allow"]) == (405, "GET,HEAD")


async def test_metrics_may_be_at_the_root():
    """There is no status page then."""
    async with a_site(path="/") as site:
        assert LINES.encode() in (await fetch(f"{site.url}/"))[2]
        assert (await fetch(f"{site.url}/readyz"))[0] == 503


async def test_it_listens_on_several_addresses():
    """All of them serve the same."""
    async with a_site(addresses=("127.0.0.1:0", "127.0.0.2:0")) as site:
        assert [url.split(":")[1] for url in site.urls] == ["//127.0.0.1", "//127.0.0.2"]
        for url in site.urls:
            assert (await fetch(f"{url}/metrics"))[0] == 200


async def test_no_host_is_every_interface():
    """The URL that is told is one that leads there."""
    async with a_site(addresses=(":0",)) as site:
        assert {url.rpartition(":")[0] for url in site.urls} <= {"http://127.0.0.1", "http://[::1]"}
        for url in site.urls:
            assert (await fetch(f"{url}/livez"))[0] == 200


@ipv6
async def test_it_listens_on_ipv6():
    """With brackets around the host."""
    async with a_site(addresses=("[::1]:0",)) as site:
        assert site.url.startswith("http://[::1]:")
        assert (await fetch(f"{site.url}/livez"))[0] == 200


def test_the_url_of_every_interface_is_the_loopbacks():
    """It can be opened; `0.0.0.0` cannot everywhere."""
    assert server._url(("0.0.0.0", 80)) == "http://127.0.0.1:80"
    assert server._url(("::", 80, 0, 0)) == "http://[::1]:80"
    assert server._url(("fe80::1", 80, 0, 0)) == "http://[fe80::1]:80"


async def test_a_second_instance_on_the_same_port_is_told_so_in_one_line():
    """And the first one does not notice."""
    async with a_site() as site:
        address = site.url.removeprefix("http://")
        with pytest.raises(ListenError, match=rf"^cannot listen on {address}: the port is in use; is another"):
            async with a_site(addresses=("127.0.0.1:0", address)):
                pass
        assert (await fetch(f"{site.url}/livez"))[0] == 200


@pytest.mark.parametrize(
    ("address", "reason"),
    [("203.0.113.1:1", "assign requested address"), ("nowhere.invalid:1", ""), ("a..b:1", "not the name of a host")],
)
async def test_an_address_that_cannot_be_listened_on_is_one_line(address, reason):
    """Not ours, not known, not even a name."""
    with pytest.raises(ListenError, match=rf"^cannot listen on {address}: .*{reason}") as caught:
        async with a_site(addresses=(address,)):
            pass
    assert "\n" not in str(caught.value)


async def test_a_reason_without_words_is_told_as_it_is(monkeypatch):
    """Some of the system's errors have none."""

    async def refused(*_, **__):
        raise OSError(errno.EACCES, "")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_server", refused)
    with pytest.raises(ListenError, match=r"cannot listen on 127\.0\.0\.1:0: .*13"):
        async with a_site():
            pass


async def test_a_mistake_of_ours_is_told_and_costs_one_answer(caplog):
    """Aiohttp's own logger is off, because it tells of all garbage that clients send."""
    site = Site()
    site.metrics._page = None
    async with a_site(site):
        assert (await fetch(f"{site.url}/metrics"))[0] == 500
        assert (await fetch(f"{site.url}/livez"))[0] == 200
        assert (await fetch(f"{site.url}/nowhere"))[0] == 404
    (record,) = [record for record in caplog.records if record.name == "exporter.web.server"]
    assert (record.getMessage(), record.path) == ("Failed to serve a request", "/metrics")
    assert "TypeError" in str(record.exc_info)


async def test_an_open_scrape_is_finished_before_the_end():
    """A rolling update loses no scrape."""
    text = LINES * 400_000
    async with aiohttp.ClientSession() as session:
        async with a_site(Site(text=text)) as site:
            response = await session.get(f"{site.url}/metrics", headers={"Accept-Encoding": "identity"})
            reading = asyncio.create_task(response.read())
            await asyncio.sleep(0)
        assert len(await reading) > len(text)


async def test_a_client_that_never_reads_does_not_hold_up_the_end(monkeypatch):
    """For longer than twice the limit, which leaves a SIGTERM its second. Without a limit it would last for ever."""
    assert 2 * server._STOP_SECONDS < 1
    monkeypatch.setattr(server, "_STOP_SECONDS", 0.1)
    async with asyncio.timeout(30), a_site(Site(text=LINES * 400_000)) as site:
        _, writer = await asyncio.open_connection("127.0.0.1", int(site.url.rpartition(":")[2]))
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.05)
    writer.transport.abort()
    await asyncio.sleep(0)


async def test_an_idle_connection_does_not_hold_up_the_end_at_all(monkeypatch):
    """Prometheus keeps its connection between scrapes."""
    monkeypatch.setattr(server, "_STOP_SECONDS", 3600)
    async with (
        asyncio.timeout(30),
        aiohttp.ClientSession() as session,
        a_site() as site,
        session.get(f"{site.url}/livez") as response,
    ):
        await response.read()
