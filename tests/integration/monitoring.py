"""The monitoring pipeline of a cluster: exporter, Prometheus, Alertmanager and a webhook receiver."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from lab.exporting import Exporter
from lab.monitoring.servers import Alertmanager, Prometheus
from lab.monitoring.webhook import Webhook

__all__ = ["Monitoring", "run_monitoring"]


class Monitoring(NamedTuple):
    """The running exporter, Prometheus, Alertmanager and webhook receiver."""

    exporter: Exporter
    prometheus: Prometheus
    alertmanager: Alertmanager
    webhook: Webhook


@contextlib.contextmanager
def run_monitoring(
    folder: pathlib.Path, *, kubeconfig: pathlib.Path, settings: dict[str, Any], webhooks: bool = False
) -> Iterator[Monitoring]:
    """The exporter with those settings, and the bundle as it is shipped, once a first scrape has worked.

    `webhooks`: the chat gets webhooks as well.
    """
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        webhook = enter(Webhook())
        exporter = enter(Exporter(folder / "exporter", kubeconfig=kubeconfig, settings=settings))
        alertmanager = enter(Alertmanager(folder / "alertmanager", receiver=webhook.url, webhooks=webhooks))
        prometheus = enter(
            Prometheus(folder / "prometheus", exporter=exporter.address, alertmanager=alertmanager.address)
        )
        prometheus.until_scraped()
        yield Monitoring(exporter, prometheus, alertmanager, webhook)
