"""A scrape: the page in the form that the client asked for."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter.exposition.exposition import OPENMETRICS, TEXT, Exposition
from exporter.telemetry import Telemetry

__all__ = ["Metrics"]

_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
_LEAST_QUALITY = 0.001  # 0 means "not acceptable"


class Counted(Protocol):
    """Text that goes before the exporter's own metrics."""

    def __call__(self, *, openmetrics: bool) -> str:
        """In OpenMetrics without the end mark."""
        ...


class Metrics:
    """Never fails for what the cluster lacks: what is missing from the page, the exporter's own metrics explain.

    `page` gives the page as of now with a text after its families: first what was `counted` of the cluster, in the
    form that is asked for, then the exporter's own metrics.
    """

    def __init__(
        self,
        *,
        page: Callable[[Callable[[], str]], Awaitable[Exposition]],
        counted: Counted,
        telemetry: Telemetry,
    ) -> None:
        self._page = page
        self._counted = counted
        self._telemetry = telemetry

    async def scrape(self, request: web.Request) -> web.StreamResponse:
        """GET or HEAD of the telemetry path."""
        begun = time.monotonic()
        openmetrics = _wants_openmetrics(request.headers.get("Accept", ""))
        page = await self._page(
            lambda: self._counted(openmetrics=openmetrics) + _own(self._telemetry.registry, openmetrics=openmetrics)
        )
        response = web.StreamResponse(
            headers={"Content-Type": OPENMETRICS if openmetrics else TEXT, "Vary": "Accept, Accept-Encoding"}
        )
        gzip = _takes_gzip(request.headers.get("Accept-Encoding", ""))
        response.content_length = page.gzip_length if gzip else page.length
        if gzip:
            response.headers["Content-Encoding"] = "gzip"
        try:
            await response.prepare(request)
            if request.method != "HEAD":
                for piece in page.gzip() if gzip else page.plain():
                    await response.write(piece)
                    await asyncio.sleep(0)  # a client that is fast enough would never let anybody else in
            await response.write_eof()
        except ConnectionError:
            return response  # the client went away, as Prometheus does when its time is up
        encoding = "gzip" if gzip else "identity"
        self._telemetry.scrapes.labels(encoding).observe(time.monotonic() - begun)
        return response


def _own(registry: CollectorRegistry, *, openmetrics: bool) -> str:
    own: bytes = generate_openmetrics(registry) if openmetrics else generate_latest(registry)  # type: ignore[no-untyped-call]
    return own.decode()


def _wants_openmetrics(accept: str) -> bool:
    """Whether OpenMetrics 1.0.0 is asked for at least as much as the text format (RFC 9110, 12.5.1).

    prometheus-client's own choice looks neither at `q` nor at what a version that it cannot read leads to.
    """
    best = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for kind, parameters in _parts(accept):
        if kind in best and (kind == "text/plain" or parameters.get("version", "1.0.0") == "1.0.0"):
            best[kind] = max(best[kind], _quality(parameters))
    return best["application/openmetrics-text"] >= max(best["text/plain"], _LEAST_QUALITY)


def _takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip is named, by itself or as `*`, and not refused by `q=0` (RFC 9110, 12.5.3)."""
    asked = {name: _quality(parameters) for name, parameters in _parts(accept_encoding)}
    return asked.get("gzip", asked.get("*", 0.0)) >= _LEAST_QUALITY


def _parts(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The members of a header's list, in lower case, each with its parameters."""
    for member in header.lower().split(","):
        name, *parameters = (part.strip() for part in member.split(";"))
        pairs = (part.partition("=") for part in parameters)
        yield name, {key.strip(): value.strip() for key, _, value in pairs}


def _quality(parameters: dict[str, str]) -> float:
    """`q`, which is 1 where it is not told, and 0 where it cannot be read."""
    text = parameters.get("q", "1")
    return float(text) if _QUALITY.fullmatch(text) else 0.0
