"""Reads a CRD from the cluster, some of its objects, and Jobs and Pods. Only the CRD is required."""

import re
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any, Final

import msgspec

from exporter.drafting.definition import Definition, DraftError, parse_definition
from exporter.drafting.observed import ObservedObjects
from exporter.kind_names import nearest_served
from exporter.kube.client import KubeClient
from exporter.kube.errors import ForbiddenError, KubeError, NotFoundError
from exporter.kube.pages import PagedList
from exporter.profiles import parse_resource

__all__ = ["read"]

_CRDS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_MAX_BYTES: Final = 8 << 20  # bytes of a CRD; the limit of etcd is 1.5 MiB
_PAGE_SIZE: Final = 100
_MAX_OBJECTS: Final = 500  # in each configured namespace, or in all namespaces
_MAX_WORKERS: Final = 2_000  # in one namespace
_MAX_NAMESPACES: Final = 10
_WORKERS: Final = (("Job", "/apis/batch/v1", "jobs"), ("Pod", "/api/v1", "pods"))
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


async def read(
    client: KubeClient, name: str, namespaces: Sequence[str]
) -> tuple[Definition, ObservedObjects, list[str]]:
    """The CRD, the observed objects, and a note for each list that could not be read. Raises DraftError."""
    definition = await _definition(client, name)
    observed = ObservedObjects(group=definition.group, kind=definition.kind)
    base, notes = f"/apis/{definition.group}/{definition.version}", list[str]()
    scopes = [f"{base}/namespaces/{one}" for one in namespaces] or [base]
    for scope in scopes:
        notes += await _each(client, f"{scope}/{definition.plural}", observed.add, limit=_MAX_OBJECTS)
    for space in sorted(filter(_NAME.fullmatch, observed.namespaces))[:_MAX_NAMESPACES]:
        for kind, prefix, plural in _WORKERS:
            path = f"{prefix}/namespaces/{space}/{plural}"
            notes += await _each(client, path, _adding(observed, kind), limit=_MAX_WORKERS)
    return definition, observed, notes


async def _definition(client: KubeClient, name: str) -> Definition:
    """Gets the CRD by PLURAL.GROUP or PLURAL.VERSION.GROUP. A group may start like a version."""
    wanted = parse_resource(name)
    if not _NAME.fullmatch(name) or not wanted.group:
        near = await _near(client, name)
        raise DraftError(f"{name!r} is not PLURAL.GROUP or PLURAL.VERSION.GROUP{near}")
    for plural_group, version in dict.fromkeys([(wanted.name, wanted.version), (name, "")]):
        try:
            body = await client.get(f"{_CRDS}/{plural_group}", max_bytes=_MAX_BYTES)
        except NotFoundError as error:
            if not error.by_api_server:
                raise DraftError(str(error)) from error
        except ForbiddenError as error:
            text = f"customresourcedefinitions {plural_group}: not permitted: grant the verb get ({error})"
            raise DraftError(text) from error
        except KubeError as error:
            raise DraftError(str(error)) from error
        else:
            return parse_definition(_tree(body), version=version)
    raise DraftError(f"there is no CRD {wanted.name}{await _near(client, name)}")


async def _near(client: KubeClient, name: str) -> str:
    """A hint with the most similar names that the API server serves."""
    try:
        near = await nearest_served(client, name)
    except KubeError:
        return ""
    return f"; did you mean {' or '.join(near)}?" if near else ""


async def _each(client: KubeClient, path: str, use: Callable[[Any], None], *, limit: int) -> list[str]:
    """Calls `use` for the first objects of a list. Returns a note if there are more or if the list fails."""
    number = 0
    try:
        async with aclosing(PagedList(client, path, {}, limit=_PAGE_SIZE).batches()) as batches:
            async for batch in batches:
                for raw in batch:
                    if number == limit:
                        return [f"{path}: only the first {limit} objects were read"]
                    number += 1
                    use(_tree(bytes(raw)))
    except ForbiddenError as error:
        return [f"not permitted, grant the verb list for more: {error}"]
    except KubeError as error:
        return [f"could not be read: {error}"]
    return []


def _adding(observed: ObservedObjects, kind: str) -> Callable[[Any], None]:
    return lambda item: observed.add_worker(kind, item)


def _tree(body: bytes) -> Any:
    """Decodes an object; None if it is invalid or nested too deeply."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
