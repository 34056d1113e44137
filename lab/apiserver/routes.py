"""Routes requests by method and path."""

from typing import Any

import msgspec
from aiohttp import web

from lab.apiserver import lists, options, selectors, status, targets, wire, writes
from lab.apiserver.collection import Stored
from lab.apiserver.store import Store
from lab.apiserver.targets import Target
from lab.apiserver.watches import Watch

__all__ = ["answer"]

MERGE_PATCH = "application/merge-patch+json"


async def answer(store: Store, request: web.Request, *, bookmark_interval: float) -> web.StreamResponse:
    """Responds to a request for an object or a collection. Raises StatusError and PageNotFoundError."""
    target = targets.resolve(store, request.path)
    method = request.method
    if target.name:
        return _of_object(store, target, request, await _body(request))
    if method == "GET":
        return await _of_collection(store, target, request, bookmark_interval=bookmark_interval)
    if method == "POST" and (target.namespace or not target.collection.resource.namespaced):
        return _object(target, writes.create(store, target, await _body(request)), code=201)
    raise status.method_not_allowed()


def _of_object(store: Store, target: Target, request: web.Request, body: dict[str, Any]) -> web.Response:
    match request.method, target.subresource:
        case "GET", _:
            return _object(target, target.stored())
        case "PUT", _:
            return _object(target, writes.update(store, target, body))
        case "PATCH", _:
            return _patch(store, target, request.content_type, body)
        case "DELETE", "":
            return _delete(store, target, {**body, **request.query})
    raise status.method_not_allowed()


async def _of_collection(
    store: Store, target: Target, request: web.Request, *, bookmark_interval: float
) -> web.StreamResponse:
    collection, version = target.collection, target.version
    asked = options.parse(request.query)
    selection = selectors.select(
        collection.resource, namespace=target.namespace, labels=asked.labels, fields=asked.fields
    )
    if not asked.watch:
        page = lists.Page(collection, version=version, selection=selection, options=asked, revision=store.revision)
        return await page.answer(request)
    watch = Watch(
        store,
        collection,
        version=version,
        selection=selection,
        options=asked,
        bookmark_interval=bookmark_interval,
    )
    return await watch.answer(request)


def _patch(store: Store, target: Target, content_type: str, body: dict[str, Any]) -> web.Response:
    if content_type != MERGE_PATCH:
        text = f"the body of the request was in an unknown format - accepted media types include: {MERGE_PATCH}"
        raise status.StatusError(415, "UnsupportedMediaType", text)
    current = store.decode(target.collection, target.stored(), version=target.version)
    return _object(target, writes.update(store, target, writes.merge(current, body), patch=True))


def _delete(store: Store, target: Target, asked: dict[str, Any]) -> web.Response:
    resource = target.collection.resource
    uid = store.decode(target.collection, target.stored())["metadata"]["uid"]
    stored = writes.delete(store, target, asked)
    if target.key in target.collection.objects or resource.kind == "Pod":
        return _object(target, stored)
    details = {"name": target.name, "group": resource.group, "kind": resource.plural, "uid": uid}
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in details.items() if value},
    }
    return wire.json_bytes(msgspec.json.encode(body))


def _object(target: Target, stored: Stored, *, code: int = 200) -> web.Response:
    return wire.json_bytes(target.collection.resource.opening(target.version) + stored.tail, code=code)


async def _body(request: web.Request) -> dict[str, Any]:
    data = await request.read()
    if not data:
        return {}
    try:
        body = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise status.bad_request(f"the object provided is unrecognized: json parse error: {error}") from error
    if not isinstance(body, dict):
        raise status.bad_request("the object provided is unrecognized: not a JSON object")
    return body
