"""A list, or one page of it. It is consistent, because all objects are from one version.

Source: "Retrieving large results sets in chunks" and "Resource versions" of the Kubernetes API concepts.
"""

import base64
import binascii
import itertools
from collections.abc import Iterator, Sequence

import msgspec
from aiohttp import web

from lab.apiserver import status, wire
from lab.apiserver.collection import Collection, Stored
from lab.apiserver.options import ListOptions
from lab.apiserver.selectors import Selection

__all__ = ["Page"]

TOO_OLD = "The resourceVersion for the provided list is too old."
PAGE_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
    "results. Continuing with the provided token results in an inconsistent list."
)
PRESENT = -1  # the version in a token that goes on with whatever there is now


class Token(msgspec.Struct, kw_only=True):
    """The content of a `continue` token: the version of the list, and the last key that was returned."""

    rv: int
    start: str
    v: str = "meta.k8s.io/v1"

    def text(self) -> str:
        """The value of `metadata.continue`, which is opaque to clients."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).rstrip(b"=").decode()


class Page:
    """The objects of a `selection`, in `version` of the API. `revision` is the current version of the store."""

    def __init__(
        self, collection: Collection, *, version: str, selection: Selection, options: ListOptions, revision: int
    ) -> None:
        self._resource = collection.resource
        self._collection = collection
        self._version = version
        self._selection = selection
        self._options = options
        self._present = revision

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Sends the page. Raises StatusError: 400 for an invalid token, 410 for an old, 504 for a future version."""
        batches = wire.batches(self._parts())
        first, second = next(batches), next(batches, None)
        if second is None:
            return wire.json_bytes(first)
        response = await wire.open_stream(request)
        await wire.send(response, itertools.chain((first, second), batches))
        await response.write_eof()
        return response

    def _parts(self) -> Iterator[bytes]:
        options = self._options
        if options.version is not None and options.version > self._present:
            raise status.too_large_version(options.version, self._present)
        token = _read_token(options.token) if options.token else Token(rv=PRESENT, start="")
        revision = self._revision(token)
        try:
            objects = self._selection.after(token.start, self._collection.at(revision))
        except status.StatusError as error:
            raise _expired(token) from error
        items, more = self._taken(objects)
        metadata: dict[str, str | int] = {"resourceVersion": str(revision)}
        if more:
            metadata["continue"] = Token(rv=revision, start=items[-1].key).text()
            if not self._selection.tests:
                metadata["remainingItemCount"] = len(objects) - len(items)
        yield from self._document(metadata, items)

    def _revision(self, token: Token) -> int:
        if token.rv != PRESENT:
            return token.rv
        return self._options.version if self._options.exact and self._options.version else self._present

    def _taken(self, objects: Sequence[Stored]) -> tuple[Sequence[Stored], bool]:
        """The objects that match, up to the limit, and whether there are more.

        For version 0, the real server responds from its watch cache, which ignores the limit.
        """
        matches = self._selection.matches
        passing = (each for each in objects if matches(each)) if self._selection.tests else iter(objects)
        if not self._options.limit or self._options.version == 0:
            return list(passing), False
        items = list(itertools.islice(passing, self._options.limit))
        return items, next(passing, None) is not None

    def _document(self, metadata: dict[str, str | int], items: Sequence[Stored]) -> Iterator[bytes]:
        head = {
            "kind": self._resource.list_kind or f"{self._resource.kind}List",
            "apiVersion": self._resource.api_version(self._version),
            "metadata": metadata,
        }
        yield msgspec.json.encode(head)[:-1] + b',"items":['
        opening = self._resource.item_opening(self._version)
        for number, item in enumerate(items):
            yield b"," + opening if number else opening
            yield item.tail
        yield b"]}"


def _read_token(text: str) -> Token:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Token)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise status.bad_request(f"invalid continue token: continue key is not valid: {error}") from error


def _expired(token: Token) -> status.StatusError:
    if not token.start:
        return status.StatusError(410, "Expired", TOO_OLD)
    fresh = Token(rv=PRESENT, start=token.start).text()
    return status.StatusError(410, "Expired", PAGE_TOO_OLD, token=fresh)
