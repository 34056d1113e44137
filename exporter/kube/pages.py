"""Reads a list in pages (`limit` and `continue`), up to a maximum size.

Source: Kubernetes API concepts, "Retrieving large results sets in chunks". An empty page may have a `continue` token,
so only many empty pages in a row are an error.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import msgspec

from exporter.kube.client import KubeClient
from exporter.kube.errors import EndlessListError
from exporter.kube.items import Items

__all__ = ["PagedList"]

_MAX_PAGES = 4_000  # of 500 objects: 2 million, more than etcd can store
_MAX_ITEMS = 2_000_000
_MAX_EMPTY = 100
_MAX_TOKEN_BYTES = 8 << 10  # bytes; it is sent in the URL of the next request


class PagedList:
    """One list; `version` is its resourceVersion after it has been read. `limit` 0: a single page."""

    def __init__(self, client: KubeClient, path: str, params: Mapping[str, str], *, limit: int) -> None:
        self.version = ""
        self._client = client
        self._path = path
        self._params = dict(params) | ({"limit": str(limit)} if limit else {})
        self._token = ""

    async def batches(self) -> AsyncGenerator[list[msgspec.Raw], None]:
        """Yields the items in batches. Raises a KubeError; EndlessListError for a list that does not end."""
        tokens: set[str] = set()
        total = empty = 0
        while True:
            before = total
            async with aclosing(self._page()) as batches:
                async for batch in batches:
                    total += len(batch)
                    if total > _MAX_ITEMS:
                        raise self._endless(f"over {_MAX_ITEMS} items")
                    yield batch
            if not self._token:
                return
            if len(self._token) > _MAX_TOKEN_BYTES:
                raise self._endless(f"a continue token of over {_MAX_TOKEN_BYTES >> 10} KiB")
            if self._token in tokens:
                raise self._endless("a continue token came twice")
            tokens.add(self._token)
            if len(tokens) >= _MAX_PAGES:
                raise self._endless(f"over {_MAX_PAGES} pages")
            empty = 0 if total > before else empty + 1
            if empty >= _MAX_EMPTY:
                raise self._endless(f"{_MAX_EMPTY} empty pages in a row")

    async def _page(self) -> AsyncGenerator[list[msgspec.Raw], None]:
        params = self._params | ({"continue": self._token} if self._token else {})
        with self._client.budget.share(self._path) as share:
            items = Items(share)
            async with aclosing(self._client.chunks(self._path, params)) as chunks:
                async for chunk in chunks:
                    for batch in items.feed(chunk):
                        yield batch
                        await asyncio.sleep(0)  # a chunk may hold thousands of items
            batch, meta = items.end()
            if batch:
                yield batch
            self.version, self._token = meta.resource_version, meta.continue_

    def _endless(self, how: str) -> EndlessListError:
        return EndlessListError(f"the list at {self._path} does not end: {how}", code="endless")
