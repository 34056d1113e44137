"""A scrape: the page in the form that the client asked for."""

import time
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from exporter.exposition.page import Page
from exporter.telemetry import Telemetry

__all__ = ["Metrics"]


class Metrics:
    """Answers scrapes with 200, always: what is missing from the page, the exporter's own metrics explain.

    `page` gives the page as of now with a text after its families.
    """

    def __init__(self, *, page: Callable[[Callable[[], str]], Awaitable[Page]], telemetry: Telemetry) -> None:
        self._page = page
        self._telemetry = telemetry

    async def scrape(self, request: web.Request) -> web.StreamResponse:
        """GET or HEAD of the telemetry path."""
        begun = time.monotonic()
        encoder, content_type = choose_encoder(request.headers.get("Accept", ""))
        page = await self._page(lambda: _own(encoder, self._telemetry.registry))
        response = web.StreamResponse(headers={"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"})
        gzip = _takes_gzip(request.headers.get("Accept-Encoding", ""))
        response.content_length = page.gzip_length if gzip else page.length
        if gzip:
            response.headers["Content-Encoding"] = "gzip"
        await response.prepare(request)
        if request.method != "HEAD":
            for piece in page.gzip() if gzip else page.plain():
                await response.write(piece)
        await response.write_eof()
        encoding = "gzip" if gzip else "identity"
        self._telemetry.scrapes.labels(encoding).observe(time.monotonic() - begun)
        return response


def _own(encoder: Callable[[CollectorRegistry], bytes], registry: CollectorRegistry) -> str:
    return encoder(registry).decode()


def _takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip is named without being refused by `q=0` (RFC 9110, 12.5.3)."""
    for part in accept_encoding.split(","):
        name, _, quality = part.partition(";")
        if name.strip().lower() in {"gzip", "*"}:
            return quality.replace(" ", "").lower() not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
