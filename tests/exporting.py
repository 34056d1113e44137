"""Runs the whole exporter against a stand-in API server, and reads its HTTP responses."""

import asyncio
import contextlib
import html

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter import app as composition
from exporter.app import serve
from exporter.config import Kubernetes, Settings, Web
from exporter.reflector import Backoff
from tests.kube.settings import a_kubeconfig
from tests.web.serving import fetch


@contextlib.asynccontextmanager
async def an_exporter(url, folder, *, user=None, clock=None, polls_logs=True, **more):
    """Runs an exporter with these settings against the API server at `url`."""
    path = a_kubeconfig(folder, cluster={"server": url}, user=user)
    settings = Settings(
        kubernetes=Kubernetes(kubeconfig=str(path)), web=Web(listen_addresses=("127.0.0.1:0",)), **more
    )
    async with serve(settings, polls_logs=polls_logs, **({"clock": clock} if clock else {})) as app:
        yield app


class Metrics:
    """A parsed scrape response: its metric families by name, and the samples that match labels."""

    def __init__(self, text):
        self.families = {family.name: family for family in text_string_to_metric_families(text)}

    def values(self, name, **labels):
        """The values of a metric's samples that have these labels."""
        samples = (sample for family in self.families.values() for sample in family.samples if sample.name == name)
        return [sample.value for sample in samples if labels.items() <= sample.labels.items()]

    def labels(self, name, label):
        """The sorted values of one label in all samples of a metric."""
        samples = (sample for family in self.families.values() for sample in family.samples if sample.name == name)
        return sorted(sample.labels[label] for sample in samples)

    def state(self, resource, scope="*"):
        """The state of a list and watch, from `coderun_exporter_resource_state`."""
        family = self.families["coderun_exporter_resource_state"]
        wanted = {"resource": resource, "scope": scope}.items()
        (state,) = [
            sample.labels["state"] for sample in family.samples if sample.value and wanted <= sample.labels.items()
        ]
        return state


async def metrics_of(app):
    """Scrapes the exporter once."""
    status, _, body = await fetch(f"{app.url}/metrics")
    assert status == 200
    return Metrics(body.decode())


async def readiness(app):
    """The status code and the text of /readyz."""
    status, _, body = await fetch(f"{app.url}/readyz")
    return status, body.decode()


async def start_page(app):
    """The text of the page at `/`, which shows the details of errors."""
    _, _, body = await fetch(f"{app.url}/")
    return html.unescape(body.decode())


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch):
    """Shortens the intervals and retries of the exporter from seconds to milliseconds."""
    monkeypatch.setattr(composition, "Backoff", lambda: Backoff(first=0.005, most=0.02))
    monkeypatch.setattr(composition, "_RENDER_SECONDS", 0.01)
    monkeypatch.setattr(composition, "_ADVANCE_SECONDS", 0.01)
    monkeypatch.setattr(composition, "_HEARTBEAT_SECONDS", 0.01)


def state_of(app, resource):
    """The states of all lists and watches of a resource."""
    return [status.state for status in app.health.statuses if status.resource == resource]


def reject_requests(server, answer, *paths):
    """Answers all requests under these paths with `answer()`, which is called for each request."""

    async def intercept(request):
        if not request.path.startswith(paths):
            return None
        made = answer()
        return await made if asyncio.iscoroutine(made) else made

    server.intercept = intercept
