"""Serves scrapes, in the format that the client accepts."""

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
_MIN_QUALITY = 0.001  # 0 means "not acceptable"


class Counted(Protocol):
    """Returns the text of counters and histograms: `LifecycleMetrics.text`."""

    def __call__(self, *, openmetrics: bool) -> str:
        """The text format; if `openmetrics`, the OpenMetrics format without `# EOF`."""
        ...


class Metrics:
    """Serves scrapes even if resources are missing; the exporter's own metrics show which.

    `render_exposition` returns the current exposition. It appends the text that its argument returns: the counters
    and histograms of runs and Jobs (`counted`), then the exporter's own metrics.
    """

    def __init__(
        self,
        *,
        render_exposition: Callable[[Callable[[], str]], Awaitable[Exposition]],
        counted: Counted,
        telemetry: Telemetry,
    ) -> None:
        self._render_exposition = render_exposition
        self._counted = counted
        self._telemetry = telemetry

    async def scrape(self, request: web.Request) -> web.StreamResponse:
        """GET or HEAD of the telemetry path."""
        begun = time.monotonic()
        openmetrics = _wants_openmetrics(request.headers.get("Accept", ""))
        exposition = await self._render_exposition(
            lambda: self._counted(openmetrics=openmetrics) + _text(self._telemetry.registry, openmetrics=openmetrics)
        )
        response = web.StreamResponse(
            headers={"Content-Type": OPENMETRICS if openmetrics else TEXT, "Vary": "Accept, Accept-Encoding"}
        )
        gzip = _takes_gzip(request.headers.get("Accept-Encoding", ""))
        response.content_length = exposition.gzip_length if gzip else exposition.length
        if gzip:
            response.headers["Content-Encoding"] = "gzip"
        try:
            await response.prepare(request)
            if request.method != "HEAD":
                for piece in exposition.gzip() if gzip else exposition.plain():
                    await response.write(piece)
                    await asyncio.sleep(0)  # a write to a fast client does not yield to other tasks
            await response.write_eof()
        except ConnectionError:
            return response  # the client disconnected, as Prometheus does after its scrape timeout
        encoding = "gzip" if gzip else "identity"
        self._telemetry.scrapes.labels(encoding).observe(time.monotonic() - begun)
        return response


def _text(registry: CollectorRegistry, *, openmetrics: bool) -> str:
    text: bytes = generate_openmetrics(registry) if openmetrics else generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.decode()


def _wants_openmetrics(accept: str) -> bool:
    """Whether the quality of OpenMetrics 1.0.0 is at least that of the text format (RFC 9110, 12.5.1).

    prometheus-client ignores `q`, and does not fall back from versions that it does not support.
    """
    best = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for kind, parameters in _parts(accept):
        if kind in best and (kind == "text/plain" or parameters.get("version", "1.0.0") == "1.0.0"):
            best[kind] = max(best[kind], _quality(parameters))
    return best["application/openmetrics-text"] >= max(best["text/plain"], _MIN_QUALITY)


def _takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip or `*` is accepted, without `q=0` (RFC 9110, 12.5.3)."""
    accepted = {name: _quality(parameters) for name, parameters in _parts(accept_encoding)}
    return accepted.get("gzip", accepted.get("*", 0.0)) >= _MIN_QUALITY


def _parts(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The members of a header, in lower case, with their parameters."""
    for member in header.lower().split(","):
        name, *parameters = (part.strip() for part in member.split(";"))
        pairs = (part.partition("=") for part in parameters)
        yield name, {key.strip(): value.strip() for key, _, value in pairs}


def _quality(parameters: dict[str, str]) -> float:
    """The value of `q`; 1 if it is not set, 0 if it is invalid."""
    text = parameters.get("q", "1")
    return float(text) if _QUALITY.fullmatch(text) else 0.0
