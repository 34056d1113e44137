"""The web server with a fixed exposition, and requests to it."""

import asyncio
import contextlib
import time

import aiohttp

from exporter.cache import ObjectCache, Thresholds
from exporter.diagnosis.recorder import FlightRecorder
from exporter.exposition.deflate import combine, deflate
from exporter.exposition.exposition import Exposition
from exporter.notices import Notices
from exporter.telemetry import Telemetry
from exporter.web.api import RunsApi
from exporter.web.health import Health
from exporter.web.limits import Limits
from exporter.web.metrics import Metrics
from exporter.web.overview import Overview
from exporter.web.server import Content, serve
from exporter.web_config.watched import WebFile

LINES = '# HELP a_b Text.\n# TYPE a_b gauge\na_b{x="y"} 1\n'


class Site:
    """The objects that the web server needs. `text` is the exposition without the exporter's own metrics."""

    def __init__(self, *, text=LINES):
        self.text = text
        self.telemetry = Telemetry(clock=lambda: 1_700_000_000.0)
        self.runs = self.telemetry.resource(resource="coderuns", scope="*", required=True)
        self.jobs = self.telemetry.resource(resource="jobs", scope="*", required=True)
        self.groups = {"coderuns": [self.runs], "jobs": [self.jobs]}
        self.metrics = Metrics(render_exposition=self.page, counted=self.counted, telemetry=self.telemetry)
        self.notices = Notices()
        self.cache = ObjectCache(thresholds=Thresholds())
        self.now = 1_700_000_000.0
        self.address = ""
        self.recorder = None
        self.urls = []

    def counted(self, *, openmetrics):
        """The text of the counters. The value of its only sample shows the format."""
        return f"# HELP c Text.\n# TYPE c gauge\nc {int(openmetrics)}\n"

    async def page(self, tail):
        """Returns the exposition with these metrics of the exporter."""
        blocks = [block for block in [deflate(self.text)] if block]
        return Exposition([(blocks, *combine(blocks))], tail=tail())

    @property
    def url(self):
        """The URL of the first listen address."""
        return self.urls[0]


@contextlib.asynccontextmanager
async def a_site(site=None, *, addresses=("127.0.0.1:0",), path="/metrics", web_file=None, reviews=None, **limits):
    """Serves the site with these limits, with the web configuration and token reviews if given."""
    site = site or Site()
    site.recorder = site.recorder or FlightRecorder(site.cache, started=site.now)
    site.health = Health(groups=site.groups, required=("coderuns", "jobs"), notices=site.notices)
    async with serve(
        content=Content(
            metrics=site.metrics,
            health=site.health,
            overview=Overview(cache=site.cache, address=lambda: site.address, clock=lambda: site.now),
            runs=RunsApi(cache=site.cache, health=site.health, recorder=site.recorder),
        ),
        telemetry=site.telemetry,
        addresses=addresses,
        telemetry_path=path,
        limits=Limits(**limits),
        web_file=web_file or WebFile(None, clock=time.monotonic),
        reviews=reviews,
    ) as site.urls:
        yield site


async def fetch(url, *, method="GET", **headers):
    """Returns status, headers and body. The body is not decompressed."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    skip = ("Accept-Encoding", "Accept", "User-Agent")
    async with (
        aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=skip) as session,
        session.request(method, url, headers=headers, allow_redirects=False) as response,
    ):
        return response.status, response.headers, await response.read()


async def raw(url, text):
    """The response to these bytes, until the server closes the connection."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    writer.write(text.replace("\n", "\r\n").encode())
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
