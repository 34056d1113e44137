"""The scrape jobs of the chart: for the Prometheus Operator and for a plain Prometheus."""

import pytest

from lab import fast_yaml
from tests.deploy.rendering import of_kind, only_object, render_chart

pytestmark = [pytest.mark.needs("helm"), pytest.mark.timeout(60)]


def test_the_scrape_jobs_have_the_name_and_the_targets_of_the_release():
    """The target is its Service or its pods, and not those of another release. Each release has its own job."""
    values = {"name": "coderun-exporter-east", "prometheus": {"enabled": True}}
    maps = {
        item["metadata"]["name"]: item["data"]
        for item in of_kind(render_chart(values, "--namespace=east"), "ConfigMap")
    }
    jobs = maps["coderun-exporter-east-scrape"]
    [static], [pods] = (fast_yaml.load(jobs[name])["scrape_configs"] for name in ("static.yml", "pods.yml"))
    assert static["job_name"] == pods["relabel_configs"][-1]["replacement"] == "coderun-exporter-east"
    assert static["static_configs"] == [{"targets": ["coderun-exporter-east.east.svc:10911"]}]
    [selector] = pods["kubernetes_sd_configs"][0]["selectors"]
    found = only_object(render_chart(values), "Deployment")["spec"]["selector"]["matchLabels"]
    assert dict(pair.split("=") for pair in selector["label"].split(",")) == found
    assert static["honor_labels"] is pods["honor_labels"] is True


def test_the_scrape_path_is_that_of_the_settings():
    """The ServiceMonitor scrapes the path on which the exporter serves metrics."""
    values = {"serviceMonitor": {"enabled": True}, "settings": {"web": {"telemetry_path": "/m"}}}
    assert only_object(render_chart(values), "ServiceMonitor")["spec"]["endpoints"][0]["path"] == "/m"


def test_scrape_jobs_can_have_tls_and_an_interval():
    """The values are for the Operator and for a plain Prometheus. A given field replaces the default."""
    values = {
        "serviceMonitor": {"enabled": True, "endpoint": {"scheme": "https", "interval": "15s"}},
        "prometheus": {"enabled": True, "scrape": {"scheme": "https", "scrape_interval": "15s"}},
    }
    objects = render_chart(values)
    [endpoint] = only_object(objects, "ServiceMonitor")["spec"]["endpoints"]
    assert endpoint == {
        "port": "metrics",
        "path": "/metrics",
        "honorLabels": True,
        "scheme": "https",
        "interval": "15s",
        "scrapeTimeout": "10s",
    }
    [jobs] = [item["data"] for item in of_kind(objects, "ConfigMap") if item["metadata"]["name"].endswith("-scrape")]
    for name in ("static.yml", "pods.yml"):
        [job] = fast_yaml.load(jobs[name])["scrape_configs"]
        assert (job["scheme"], job["scrape_interval"], job["honor_labels"]) == ("https", "15s", True)
