"""A scrape gets the exposition in the requested format and encoding."""

import asyncio
import gzip

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as text_families

from exporter.exposition.exposition import OPENMETRICS, TEXT
from tests.clusters import until
from tests.web.serving import LINES, Site, a_site, fetch, raw

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3_PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (PROMETHEUS_2, OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
        (PROMETHEUS_3_PROTOBUF, OPENMETRICS),
        ("application/openmetrics-text", OPENMETRICS),
        ("Application/OpenMetrics-Text; Version=1.0.0", OPENMETRICS),
        (BROWSER, TEXT),
        ("*/*", TEXT),
        ("", TEXT),
        ("text/plain", TEXT),
        ("text/plain;version=0.0.4", TEXT),
        ("text/plain;version=1.0.0;escaping=allow-utf-8", TEXT),
        ("application/openmetrics-text;version=0.0.1", TEXT),
        ("application/openmetrics-text;version=2.0.0", TEXT),
        ("application/openmetrics-text;version=1.0.0;q=0", TEXT),
        ("application/openmetrics-text;version=1.0.0;q=0.3,text/plain;q=0.9", TEXT),
        ("application/openmetrics-text;version=1.0.0;q=often", TEXT),
        ("text/plain;version=x", TEXT),
        ("application/openmetrics-text;version=abc", TEXT),
        (",;=,;;q=", TEXT),
    ],
)
async def test_the_content_typeat_is_the_requested_one(accept, content_type):
    """For any Accept header the status is 200, and a parser of the format accepts the response."""
    async with a_site() as site:
        status, headers, body = await fetch(f"{site.url}/metrics", Accept=accept)
    assert (status, headers["Content-Type"]) == (200, content_type)
    assert headers["Vary"] == "Accept, Accept-Encoding"
    parse = openmetrics_families if content_type == OPENMETRICS else text_families
    families = {family.name: family for family in parse(body.decode())}
    assert families["a_b"].samples[0].value == 1
    assert families["c"].samples[0].value == (content_type == OPENMETRICS)
    assert "coderun_exporter_build_info" in families
    assert body.endswith(b"# EOF\n") == (content_type == OPENMETRICS)


async def test_without_an_accept_header_the_format_is_text():
    """Some HTTP/1.0 tools send no Accept header."""
    async with a_site() as site:
        answer = await raw(site.url, "GET /metrics HTTP/1.0\n\n")
    assert b"200 OK" in answer
    assert TEXT.encode() in answer
    assert LINES.encode() in answer


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("gzip, deflate, br, zstd", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("gzip;q=0.001", True),
        ("*", True),
        ("*;q=0, gzip", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("identity", False),
        ("deflate", False),
        ("", False),
    ],
)
async def test_gzip_is_used_if_the_client_accepts_it(accepted, compressed):
    """The content is the same, and Content-Length is correct in both cases."""
    async with a_site() as site:
        status, headers, body = await fetch(f"{site.url}/metrics", Accept_Encoding=accepted)
    assert status == 200
    assert headers.get("Content-Encoding") == ("gzip" if compressed else None)
    assert int(headers["Content-Length"]) == len(body)
    assert LINES.encode() in (gzip.decompress(body) if compressed else body)


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
async def test_head_has_the_content_length_of_get(accepted):
    """There is no body."""
    async with a_site() as site:
        await fetch(f"{site.url}/metrics", Accept_Encoding=accepted)
        answer = await raw(
            site.url, f"HEAD /metrics HTTP/1.1\nHost: x\nAccept-Encoding: {accepted}\nConnection: close\n\n"
        )
        head, _, body = answer.partition(b"\r\n\r\n")
        assert body == b""
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        _, headers, _ = await fetch(f"{site.url}/metrics", Accept_Encoding=accepted)
    # The exporter's own metrics (CPU seconds, scrapes) change between scrapes.
    assert abs(length - int(headers["Content-Length"])) < 100


async def test_the_duration_of_a_scrape_is_measured():
    """It is labelled with the encoding and includes sending the response."""
    async with a_site() as site:
        await fetch(f"{site.url}/metrics", Accept_Encoding="gzip")
        await fetch(f"{site.url}/metrics")
    count = site.telemetry.registry.get_sample_value
    name = "coderun_exporter_scrape_duration_seconds_count"
    assert [count(name, {"encoding": encoding}) for encoding in ("gzip", "identity")] == [1, 1]


async def test_without_objects_the_exporters_own_metrics_are_exposed():
    """They explain why there are no others."""
    async with a_site(Site(text="")) as site:
        _, _, body = await fetch(f"{site.url}/metrics")
    assert b'coderun_exporter_resource_state{resource="coderuns",scope="*",state="syncing"} 1.0' in body


async def test_a_client_that_disconnects_leaves_nothing_behind(caplog):
    """No task, connection or log line remains, and the next scrape is served."""
    async with a_site(Site(text=LINES * 400_000)) as site:
        before = asyncio.all_tasks()
        for _ in range(3):
            _, writer = await asyncio.open_connection("127.0.0.1", int(site.url.rpartition(":")[2]))
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.sleep(0.01)
            writer.transport.abort()
        await until(lambda: asyncio.all_tasks() <= before)
        status, _, _ = await fetch(f"{site.url}/metrics", Accept_Encoding="gzip")
    assert status == 200
    assert caplog.records == []


async def test_a_slow_client_does_not_delay_others():
    """Its response is buffered in its own connection."""
    async with (
        a_site(Site(text=LINES * 400_000)) as site,
        aiohttp.ClientSession() as session,
        session.get(f"{site.url}/metrics", headers={"Accept-Encoding": "identity"}) as slow,
    ):
        await slow.content.readany()
        async with asyncio.timeout(5):
            assert (await fetch(f"{site.url}/livez"))[0] == 200
            assert (await fetch(f"{site.url}/metrics", Accept_Encoding="gzip"))[0] == 200
