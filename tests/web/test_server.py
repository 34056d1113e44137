"""The paths and the listen addresses of the web server, and its shutdown."""

import asyncio
import errno
import socket

import aiohttp
import pytest

from exporter.web import server
from exporter.web.server import ListenError, check_path, parse_address
from tests.web.serving import LINES, Site, a_site, fetch


def has_ipv6():
    """Whether this machine has an IPv6 loopback interface."""
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
def test_valid_listen_addresses(text, address):
    """The format is that of Prometheus."""
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "10911", "localhost", "localhost:", "localhost:http", ":65536", ":-1", "[::1]"])
def test_an_invalid_listen_address_is_one_line(text):
    """The error shows the valid forms."""
    with pytest.raises(ListenError, match=r"^'.*' is not a listen address: use HOST:PORT, or :PORT"):
        parse_address(text)


@pytest.mark.parametrize("path", ["/", "/metrics", "/a/b-c_d~e.f/1"])
def test_valid_metrics_paths(path):
    """The root is valid too."""
    check_path(path)


@pytest.mark.parametrize("path", ["", "metrics", "/a b", "/{name}", "/a?b", "/a%20b", "/ü", "/livez", "/-/ready"])
def test_an_invalid_metrics_path_is_one_line(path):
    """Otherwise the router would raise an exception."""
    with pytest.raises(ListenError, match="is not a metrics path"):
        check_path(path)


async def test_unknown_paths_are_404_and_other_methods_405():
    """Only GET and HEAD are allowed."""
    async with a_site() as site:
        assert (await fetch(f"{site.url}/nowhere"))[0] == 404
        assert (await fetch(f"{site.url}/metrics/"))[0] == 404
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            status, headers, _ = await fetch(f"{site.url}/metrics", method=method)
            assert (status, headers["Allow"]) == (405, "GET,HEAD")


async def test_metrics_can_be_at_the_root():
    """There is no landing page then."""
    async with a_site(path="/") as site:
        assert LINES.encode() in (await fetch(f"{site.url}/"))[2]
        assert (await fetch(f"{site.url}/readyz"))[0] == 503


async def test_the_server_listens_on_several_addresses():
    """All of them serve the same content."""
    async with a_site(addresses=("127.0.0.1:0", "127.0.0.2:0")) as site:
        assert [url.split(":")[1] for url in site.urls] == ["//127.0.0.1", "//127.0.0.2"]
        for url in site.urls:
            assert (await fetch(f"{url}/metrics"))[0] == 200


async def test_without_a_host_the_server_listens_on_every_interface():
    """The reported URL can be opened on this machine."""
    async with a_site(addresses=(":0",)) as site:
        assert {url.rpartition(":")[0] for url in site.urls} <= {"http://127.0.0.1", "http://[::1]"}
        for url in site.urls:
            assert (await fetch(f"{url}/livez"))[0] == 200


@ipv6
async def test_the_server_listens_on_ipv6():
    """The host is in brackets in the URL."""
    async with a_site(addresses=("[::1]:0",)) as site:
        assert site.url.startswith("http://[::1]:")
        assert (await fetch(f"{site.url}/livez"))[0] == 200


def test_the_url_of_every_interface_is_that_of_loopback():
    """It can be opened on every system; `0.0.0.0` cannot."""
    assert server._url(("0.0.0.0", 80)) == "http://127.0.0.1:80"
    assert server._url(("::", 80, 0, 0)) == "http://[::1]:80"
    assert server._url(("fe80::1", 80, 0, 0)) == "http://[fe80::1]:80"


async def test_a_port_that_is_in_use_is_an_error_of_one_line():
    """The first instance is not affected."""
    async with a_site() as site:
        address = site.url.removeprefix("http://")
        with pytest.raises(ListenError, match=rf"^cannot listen on {address}: the port is in use; is another"):
            async with a_site(addresses=("127.0.0.1:0", address)):
                pass
        assert (await fetch(f"{site.url}/livez"))[0] == 200


@pytest.mark.parametrize(
    ("address", "reason"),
    [("203.0.113.1:1", "assign requested address"), ("nowhere.invalid:1", ""), ("a..b:1", "not a host name")],
)
async def test_an_unusable_listen_address_is_one_line(address, reason):
    """It is not an address of this machine, not resolvable, or not a valid name."""
    with pytest.raises(ListenError, match=rf"^cannot listen on {address}: .*{reason}") as caught:
        async with a_site(addresses=(address,)):
            pass
    assert "\n" not in str(caught.value)


async def test_an_os_error_without_a_message_is_shown_with_its_number(monkeypatch):
    """Some errors of the operating system have no message."""

    async def fail(*_, **__):
        raise OSError(errno.EACCES, "")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_server", fail)
    with pytest.raises(ListenError, match=r"cannot listen on 127\.0\.0\.1:0: .*13"):
        async with a_site():
            pass


async def test_a_bug_of_the_exporter_is_logged_and_affects_one_response(caplog):
    """The logger of aiohttp is disabled, because it also logs every bad request."""
    site = Site()
    site.metrics._render_exposition = None
    async with a_site(site):
        assert (await fetch(f"{site.url}/metrics"))[0] == 500
        assert (await fetch(f"{site.url}/livez"))[0] == 200
        assert (await fetch(f"{site.url}/nowhere"))[0] == 404
    (record,) = [record for record in caplog.records if record.name == "exporter.web.server"]
    assert (record.getMessage(), record.path) == ("Failed to serve a request", "/metrics")
    assert "TypeError" in str(record.exc_info)


async def test_a_running_scrape_completes_before_the_shutdown():
    """A rolling update loses no scrape."""
    text = LINES * 400_000
    async with aiohttp.ClientSession() as session:
        async with a_site(Site(text=text)) as site:
            response = await session.get(f"{site.url}/metrics", headers={"Accept-Encoding": "identity"})
            reading = asyncio.create_task(response.read())
            await asyncio.sleep(0)
        assert len(await reading) > len(text)


async def test_a_client_that_never_reads_does_not_delay_the_shutdown(monkeypatch):
    """Shutdown waits at most twice the timeout, which is less than a second."""
    assert 2 * server._STOP_SECONDS < 1
    monkeypatch.setattr(server, "_STOP_SECONDS", 0.1)
    async with asyncio.timeout(30), a_site(Site(text=LINES * 400_000)) as site:
        _, writer = await asyncio.open_connection("127.0.0.1", int(site.url.rpartition(":")[2]))
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.05)
    writer.transport.abort()
    await asyncio.sleep(0)


async def test_an_idle_connection_does_not_delay_the_shutdown(monkeypatch):
    """Prometheus keeps its connection open between scrapes."""
    monkeypatch.setattr(server, "_STOP_SECONDS", 3600)
    async with (
        asyncio.timeout(30),
        aiohttp.ClientSession() as session,
        a_site() as site,
        session.get(f"{site.url}/livez") as response,
    ):
        await response.read()
