"""Whether the required ConfigMaps are there and whole."""

import asyncio
from collections.abc import Sequence

import msgspec

from exporter.checks.finding import HEALTHY, UNHEALTHY, UNKNOWN, Finding
from exporter.cluster import ConfigMap
from exporter.kube.client import KubeClient
from exporter.kube.decode import Decoder, page_of
from exporter.kube.errors import BrokenAnswerError, KubeError, MissingError
from exporter.resources.configmaps import (
    RequiredConfigMap,
    WireConfigMap,
    absent_configmap,
    absent_of,
    place_of,
    slim_configmap,
    unused,
)

__all__ = ["check_configmaps"]

_PAGE = "50"  # each may have a mebibyte


async def check_configmaps(client: KubeClient, places: Sequence[RequiredConfigMap]) -> list[Finding]:
    """A finding for each; one for all of the default set where nothing shows that this platform uses it."""
    if any(place.is_pattern for place in places):
        return await _listed(client, places)
    found = await asyncio.gather(*(_read(client, place) for place in places))
    records = [item for item in found if isinstance(item, ConfigMap)]
    unknown = [item for item in found if isinstance(item, Finding)]
    if text := unused([item for item in records if item.by_default]) if not any(r.exists for r in records) else "":
        return [*unknown, Finding(status=HEALTHY, subject="ConfigMaps", text=text)]
    return [item if isinstance(item, Finding) else _judged(item) for item in found]


async def _listed(client: KubeClient, places: Sequence[RequiredConfigMap]) -> list[Finding]:
    """With a pattern among them, all ConfigMaps of the namespace are listed."""
    space, records, token = places[0].namespace, dict[str, ConfigMap](), ""
    try:
        while True:
            params = {"limit": _PAGE} | ({"continue": token} if token else {})
            page = page_of(await client.get(f"/api/v1/namespaces/{space}/configmaps", params))
            for raw in page.items or ():
                item, _ = Decoder(WireConfigMap).decode(raw)
                if (place := place_of(item.metadata.name or "", places)) is not None:
                    records[place.uid] = slim_configmap(item, required=place)
            if not (token := page.metadata.continue_):
                break
    except KubeError as error:
        return [
            Finding(status=UNKNOWN, subject=f"ConfigMaps in namespace {space}", text=f"cannot be listed: {error}")
        ]
    found = records | absent_of(places, records)
    return [_judged(found[uid]) for uid in sorted(found)]


async def _read(client: KubeClient, place: RequiredConfigMap) -> ConfigMap | Finding:
    try:
        body = await client.get(f"/api/v1/namespaces/{place.namespace}/configmaps/{place.name}")
        item, _ = Decoder(WireConfigMap).decode(msgspec.Raw(body))
        if item.metadata.name != place.name:
            raise BrokenAnswerError("the answer is not this ConfigMap: is there a proxy in between?", code="not_json")
    except MissingError:
        return absent_configmap(place)
    except KubeError as error:
        return Finding(status=UNKNOWN, subject=f"ConfigMap {place.uid}", text=f"cannot be read: {error}")
    return slim_configmap(item, required=place)


def _judged(record: ConfigMap) -> Finding:
    """One that is read here is required: of the default set some exist."""
    subject = f"ConfigMap {record.uid}"
    if problems := msgspec.structs.replace(record, required=True).problems:
        text = ", ".join(problem.replace("_", " ") + (f" {key!r}" if key else "") for problem, key in problems)
        return Finding(status=UNHEALTHY, subject=subject, text=text)
    return Finding(status=HEALTHY, subject=subject, text=f"{record.keys} keys, {record.size} bytes")
