"""Notices about settings that do not match the cluster, or are not used."""

import asyncio
import logging
from collections.abc import Sequence

from exporter.kind_names import name_mismatch
from exporter.kube.client import KubeClient
from exporter.kube.errors import KubeError
from exporter.notices import Notices
from exporter.resources.configmaps import unused
from exporter.resources.kinds import RunKind
from exporter.resources.metrics_store import MetricsStore

__all__ = ["update_configmaps_notice", "watch_kind_names"]

_CHECK_SECONDS = 300.0
_RETRY_SECONDS = 10.0


async def watch_kind_names(client: KubeClient, kinds: Sequence[RunKind], notices: Notices) -> None:
    """Checks the names of kinds every 300 s, as CRDs may be installed later; after a failure, retries after 10 s."""
    while True:
        wait = _CHECK_SECONDS
        for kind in kinds:
            try:
                fault = await name_mismatch(client, kind, others=kinds)
            except KubeError:
                wait = _RETRY_SECONDS
            else:
                notices.set(kind.resource, f"{kind.resource}: {fault}" if fault else "")
        await asyncio.sleep(wait)


def update_configmaps_notice(store: MetricsStore, notices: Notices, *, synced: bool) -> None:
    """Updates the notice that no ConfigMap is required. `synced`: the initial lists have completed or failed."""
    line = unused(store.cache.default_configmaps) if synced else ""
    notices.set("configmaps", line, level=logging.INFO)
